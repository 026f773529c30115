"""Recipes of a plan that come to the same: a plan names its images, so that `auto` is `mixed`."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from levit_edge.bundle.recipe import Recipe, Scheme
from levit_edge.errors import DataError
from levit_edge.sweep import sweep as module
from levit_edge.sweep.inputs.sources import Listing
from levit_edge.sweep.plan import Evaluation, SweepPlan
from levit_edge.sweep.tasks.result import Listener
from tests.sweep.example import plan

MIXED = Recipe(scheme=Scheme.MIXED)
PLAN = replace(
    plan(),
    recipes={"auto": Recipe(), "mixed": MIXED, "static": Recipe(scheme=Scheme.STATIC)},
    evaluation=Evaluation(images="images"),
)


class Expecting(Listener):
    """Keeps what it is to expect."""

    def __init__(self) -> None:
        self.tasks: dict[str, int] = {}

    def expect(self, kind: str, tasks: int) -> None:
        self.tasks[kind] = tasks


def taken_up(monkeypatch: pytest.MonkeyPatch) -> SweepPlan:
    """The plan as a sweep has it, which ends there."""
    seen: list[SweepPlan] = []

    def stop(of: SweepPlan) -> None:
        seen.append(of)
        raise DataError("enough")

    monkeypatch.setattr(module, "named_checkpoints", lambda _sources: [])
    monkeypatch.setattr(module, "_listings", stop)
    with pytest.raises(DataError, match="enough"):
        module.sweep(PLAN, "nowhere")
    return seen[0]


def test_auto_is_mixed_and_so_is_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = taken_up(monkeypatch).recipes
    assert recipes == PLAN.recipes | {"auto": MIXED}


def test_progress_expects_each_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_arguments: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(module, "make_candidates", none)
    nothing, listener = Listing(source="images", shards=(), class_names=None), Expecting()
    runner = cast(Any, SimpleNamespace(listener=listener))
    with ThreadPoolExecutor(1) as own:  # another test's browser may have left an event loop running in this thread
        work = module._all(taken_up(monkeypatch), cast(Any, [None]), nothing, nothing, runner)
        own.submit(asyncio.run, work).result()
    assert (listener.tasks["calibrate"], listener.tasks["quantize"]) == (1, 2)

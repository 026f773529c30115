"""What an accuracy budget costs in time."""

from types import SimpleNamespace

import pytest

from levit_edge.bundle.recipe import Recipe
from levit_edge.quantize import budget
from levit_edge.quantize.artifacts import export_all
from levit_edge.system.progress import Stages
from tests.quantize.conftest import Demo, plan_of

pytestmark = pytest.mark.export


def test_the_price_is_of_files_that_were_made_alike(tiny_steps: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the search moves nothing, the two are the same file; the stem's form for XNNPACK is in both."""
    recipe = Recipe(float16=False)
    plan = plan_of(tiny_steps.deploy, tiny_steps.images, recipe)
    made = export_all(
        tiny_steps.deploy, plan, Stages(), recipe, lambda file, make: make() if file == "int8.pte" else b""
    )
    timed: list[bytes] = []
    monkeypatch.setattr(budget, "open_runner", lambda _runtime, model, _threads: timed.append(model))
    monkeypatch.setattr(
        budget, "run_in_turn", lambda runners, _image: dict.fromkeys(runners, SimpleNamespace(median_ms=1.0))
    )
    budget._price(plan, made, tiny_steps.images[:1].numpy(), recipe)
    before, chosen, fp32 = timed
    assert before == chosen
    assert fp32 != chosen

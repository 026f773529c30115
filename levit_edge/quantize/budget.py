"""The step that keeps an accuracy budget, if there is one: what is exported, and what the search says of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import LatencyPrice, SearchRecord
from levit_edge.bundle.recipe import Recipe
from levit_edge.documents import to_json
from levit_edge.quantize.analysis.layer_cost import ROUNDS, run_in_turn
from levit_edge.quantize.analysis.search import search_schemes
from levit_edge.quantize.artifacts import Exported
from levit_edge.quantize.export.executorch import EXPORTER
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.prepare import Prepared
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.quantize.schemes.choice import with_moves
from levit_edge.quantize.stage_cache import StageCache
from levit_edge.runtime.evaluation.evaluator import THREADS
from levit_edge.runtime.runner import open_runner
from levit_edge.system.progress import Stages
from levit_edge.text import counted

__all__ = ["Planned", "keep_budget"]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What each layer becomes."""

    plan: Plan
    by_recipe: Plan
    """Before the search; the same without one."""
    search: SearchRecord | None = None

    @property
    def moves(self) -> str:
        """What the search changed, as text; empty without a search."""
        return "" if self.search is None else json.dumps(to_json(self.search.moves))

    def recipe(self, recipe: Recipe) -> Recipe:
        """`recipe`, so changed that it makes the same choice without a search."""
        return recipe if self.search is None else with_moves(recipe, self.search.moves)

    def priced(
        self, exported: Sequence[Exported], image: NDArray[np.float32], recipe: Recipe, stages: Stages
    ) -> "Planned":
        """The same with what the search's moves cost in time, measured on one (1, 3, size, size) `image`.

        The `exported` files were made by `recipe`.
        """
        if self.search is None or not self.search.moves:
            return self
        with stages.stage("measure price"):
            price = _price(self.by_recipe, exported, image, recipe)
        return replace(self, search=replace(self.search, price=price))


def keep_budget(run: Prepared, plan: Plan, kept: StageCache, stages: Stages, warn: Callable[[str], None]) -> Planned:
    """`plan`, or with a budget the one that the search finds; `warn` hears if none keeps it.

    Raises:
        DataError: search images cannot be read, and are not to be skipped.
    """
    chosen, search = search_schemes(run, plan, kept, stages)
    if search is not None and not search.held:
        warn(_not_held(search))
    return Planned(plan=chosen, by_recipe=plan, search=search)


def _price(by_recipe: Plan, exported: Sequence[Exported], image: NDArray[np.float32], recipe: Recipe) -> LatencyPrice:
    """Time the plan before the search, exported alike, against the `exported` files, in ExecuTorch."""
    models = {each.precision: each.model for each in exported if each.runtime is Runtime.EXECUTORCH}
    graph = EXPORTER.prepared(quantize_graph(by_recipe), by_recipe, recipe)
    before = EXPORTER.export(export_program(graph, torch.zeros(image.shape)), recipe)
    timed = {"recipe": before, "chosen": models[Precision.INT8], "fp32": models[Precision.FP32]}
    runners = {name: open_runner(Runtime.EXECUTORCH, model, THREADS) for name, model in timed.items()}
    medians = {name: timing.median_ms for name, timing in run_in_turn(runners, image).items()}
    return LatencyPrice(recipe_ms=medians["recipe"], chosen_ms=medians["chosen"], fp32_ms=medians["fp32"], runs=ROUNDS)


def _not_held(search: SearchRecord) -> str:
    best = next(trial for trial in search.trials if trial.moves == len(search.moves))
    return (
        f"no choice of schemes kept the drop within {search.max_drop_pt:g} points on"
        f" {counted(best.samples, 'search image')}. The best moves {counted(best.moves, 'layer')} and drops"
        f" {best.drop_pt:.2f} ± {best.standard_error_pt:.2f} points (agreement"
        f" {best.agreement:.2f} %); it is what was exported. Give more evaluation images, more calibration images or a"
        " larger --max-drop."
    )

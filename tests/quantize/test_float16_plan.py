"""What the file with float16 computes otherwise: the same function, by layers of other schemes."""

from dataclasses import replace

import pytest
import torch

from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.model.fuse import relative_error
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.float16_bounds import fit_float16
from levit_edge.quantize.float16_plan import with_float16_choices
from levit_edge.quantize.plan import Plan
from tests.quantize.conftest import STATIC, Demo, plan_of

CHOSEN = {
    "stem.conv1": LayerScheme.FLOAT,
    "stem.conv2": LayerScheme.FLOAT,
    "blocks.2.k": LayerScheme.DYNAMIC,
    "blocks.2.proj": LayerScheme.DYNAMIC,
}
EXACT = 1e-5


@pytest.fixture(scope="module")
def plan(tiny_steps: Demo) -> Plan:
    """By the default recipe."""
    return plan_of(tiny_steps.deploy, tiny_steps.images, Recipe())


def test_these_layers_alone_are_others(plan: Plan) -> None:
    chosen = with_float16_choices(plan)
    changed = {name: scheme for name, scheme in chosen.schemes.items() if scheme is not plan.schemes[name]}
    assert changed == CHOSEN
    assert list(chosen.layers) == list(plan.layers)


def test_the_function_stays_and_the_second_convolution_has_no_factors(plan: Plan) -> None:
    chosen = with_float16_choices(plan)
    assert relative_error(plan.deploy, chosen.deploy) <= EXACT
    scales = {name for name, _ in chosen.deploy.stem.named_children() if name.startswith("scale")}
    assert scales == {"scale3", "scale4"}
    assert "scale2" in dict(plan.deploy.stem.named_children()), "the plan that it came from stays"


def test_it_is_more_exact(plan: Plan, tiny_steps: Demo) -> None:
    def noise(planned: Plan) -> float:
        with torch.no_grad():
            expected = plan.deploy(tiny_steps.images)
            return float((simulate(planned)(tiny_steps.images) - expected).square().sum())

    assert noise(with_float16_choices(plan)) < noise(plan)


def test_what_its_second_convolution_reads_is_known(plan: Plan, tiny_steps: Demo) -> None:
    """For the bounds of float16, and where someone tries it in int8."""
    chosen, read = with_float16_choices(plan), []
    second = chosen.deploy.stem.get_submodule("conv2")
    hook = second.register_forward_pre_hook(lambda _layer, given: read.append(given[0]))
    with torch.no_grad():
        chosen.deploy(tiny_steps.images)
    hook.remove()
    bounds = chosen.layers["stem.conv2"].seen.input
    assert bounds.minimum <= float(read[0].min())
    assert bounds.maximum == pytest.approx(float(read[0].max()), rel=1e-3)
    assert fit_float16(chosen) is chosen


@pytest.mark.parametrize(
    "changed", [STATIC, replace(STATIC, dynamic_layers=("head",)), Recipe(float_layers=("stem.conv2",))]
)
def test_a_recipe_that_has_the_stem_otherwise_keeps_it(tiny_steps: Demo, changed: Recipe) -> None:
    asked = plan_of(tiny_steps.deploy, tiny_steps.images, changed)
    assert with_float16_choices(asked) is asked


def test_layers_that_are_dynamic_or_float_stay_so(tiny_steps: Demo) -> None:
    recipe = Recipe(dynamic_layers=("*",), float_layers=("blocks.2.k",))
    schemes = with_float16_choices(plan_of(tiny_steps.deploy, tiny_steps.images, recipe)).schemes
    assert schemes["blocks.2.k"] is LayerScheme.FLOAT
    assert schemes["blocks.2.proj"] is LayerScheme.DYNAMIC

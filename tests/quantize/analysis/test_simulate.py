"""The simulation computes what the graph computes."""

import pytest
import torch

from levit_edge.bundle.recipe import LayerScheme, Recipe, Scheme
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.quantizer import quantize_graph
from tests.quantize.conftest import Demo, plan_of

LEAST_SQNR_DB = 38.0
"""Of the simulation against the graph: they differ where float rounding moves a value across a step."""


def sqnr_db(expected: torch.Tensor, found: torch.Tensor) -> float:
    return float(10 * torch.log10(expected.square().sum() / (found - expected).square().sum()))


@pytest.mark.parametrize("recipe", [Recipe(scheme=Scheme.STATIC), Recipe()], ids=["static", "mixed"])
def test_it_computes_what_the_graph_computes(demo_steps: Demo, recipe: Recipe) -> None:
    plan = plan_of(demo_steps.deploy, demo_steps.images, recipe)
    graph = quantize_graph(plan)
    with torch.no_grad():
        expected = torch.cat([graph(image[None]) for image in demo_steps.images])
        found = simulate(plan)(demo_steps.images)
        exact = demo_steps.deploy(demo_steps.images)
    assert sqnr_db(expected, found) > max(LEAST_SQNR_DB, sqnr_db(exact, found) + 3)


def test_layers_in_float_are_left_alone(demo_steps: Demo) -> None:
    plan = demo_steps.plan.with_schemes(dict.fromkeys(demo_steps.plan.layers, LayerScheme.FLOAT))
    with torch.no_grad():
        assert torch.equal(simulate(plan)(demo_steps.images), demo_steps.deploy(demo_steps.images))


def test_weights_and_activations_can_be_rounded_apart(demo_steps: Demo) -> None:
    with torch.no_grad():
        exact = demo_steps.deploy(demo_steps.images)
        both = sqnr_db(exact, simulate(demo_steps.plan)(demo_steps.images))
        weights = sqnr_db(exact, simulate(demo_steps.plan, activations=())(demo_steps.images))
        activations = sqnr_db(exact, simulate(demo_steps.plan, weights=())(demo_steps.images))
        neither = simulate(demo_steps.plan, weights=(), activations=())(demo_steps.images)
    assert torch.equal(neither, exact)
    assert both < min(weights, activations)

"""A scheme is its entry: whatever plans, simulates, annotates, searches or records follows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import pytest
import torch
from torch import nn

from levit_edge.bundle.manifest import Move
from levit_edge.bundle.recipe import LayerScheme, Recipe, Scheme
from levit_edge.errors import QuantizationError
from levit_edge.quantize.analysis.layer_noise import int8_schemes
from levit_edge.quantize.analysis.search import rank_moves
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.choice import layer_schemes, with_moves
from levit_edge.quantize.schemes.registry import COMPUTATIONS, Computation, possible_schemes
from tests.quantize.conftest import Demo


class Pretended(StrEnum):
    """A name that `LayerScheme` has not."""

    WIDE = "wide"


WIDE = cast(LayerScheme, Pretended.WIDE)


@dataclass(frozen=True, kw_only=True)
class WideRecipe(Recipe):
    scheme: Scheme = Scheme.STATIC
    wide_layers: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float by another name, for linears, faster than dynamic."""
    wide = Computation(
        possible=lambda _name, layer: isinstance(layer, nn.Linear),
        time_per_multiply_add=0.2,
        impossible="which are not wide.",
    )
    monkeypatch.setitem(COMPUTATIONS, WIDE, wide)


def test_a_recipe_gives_it_to_layers(demo_steps: Demo) -> None:
    schemes = layer_schemes(demo_steps.deploy, WideRecipe(wide_layers=("blocks.2.*", "head"), float_layers=("head",)))
    assert {name for name, scheme in schemes.items() if scheme is WIDE} == {
        "blocks.2.k",
        "blocks.2.v",
        "blocks.2.proj",
        "head",
    }
    assert schemes["blocks.2.q"] is LayerScheme.STATIC
    with pytest.raises(QuantizationError, match=r"--wide-layer 'stem\.conv1' fits only stem\.conv1, which are not"):
        layer_schemes(demo_steps.deploy, WideRecipe(wide_layers=("stem.conv1",)))


def test_graph_simulation_and_record_follow(demo_steps: Demo) -> None:
    layers = [name for name, layer in quantizable_layers(demo_steps.deploy).items() if isinstance(layer, nn.Linear)]
    wide = demo_steps.plan.with_schemes(dict.fromkeys(layers, WIDE))
    expected = demo_steps.plan.with_schemes(dict.fromkeys(layers, LayerScheme.FLOAT))
    image = demo_steps.images[:1]
    with torch.no_grad():
        assert torch.equal(simulate(wide)(image), simulate(expected)(image))
        assert torch.equal(quantize_graph(wide)(image), quantize_graph(expected)(image))
        assert not torch.equal(simulate(wide)(image), simulate(demo_steps.plan)(image))
    records = {record.layer: record for record in wide.records}
    assert records["head"].scheme == "wide"
    assert (records["head"].input, records["head"].weights_sha256) == (None, None)


def test_it_is_searched_and_measured(demo_steps: Demo) -> None:
    layers = quantizable_layers(demo_steps.deploy)
    assert WIDE in possible_schemes("head", layers["head"])
    assert WIDE not in possible_schemes("stem.conv1", layers["stem.conv1"])
    assert WIDE not in int8_schemes(), "it makes no noise"
    noise = {("head", LayerScheme.STATIC): 8.0, ("head", LayerScheme.DYNAMIC): 7.0, ("rest", LayerScheme.STATIC): 0.0}
    moves = rank_moves({"head": LayerScheme.STATIC}, noise, {"head": 1, "rest": 9})
    assert moves == (Move(layer="head", scheme=WIDE),)
    assert with_moves(WideRecipe(wide_layers=("up",)), moves) == WideRecipe(wide_layers=("up", "head"))

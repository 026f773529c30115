"""Images and tokens in a delegate: no value is moved to read one as the other, and nothing else changes.

`test_only_the_image_itself_is_moved` says when a newer ExecuTorch does so by itself.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from executorch.backends.xnnpack import _passes, xnnpack_preprocess
from executorch.backends.xnnpack.serialization.xnnpack_graph_schema import XNNConvert, XNNGraph, XNNStaticTranspose
from numpy.typing import NDArray
from torch import nn

from levit_edge.bundle.recipe import Recipe
from levit_edge.quantize.export import executorch
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.executorch_stem import executorch_graph
from levit_edge.quantize.export.float16 import float16_graph
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.float16_bounds import fit_float16
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.runtime.executorch_runner import ExecuTorchRunner
from tests.quantize.conftest import Demo, plan_of
from tests.quantize.test_float16_bounds import with_large_scores

pytestmark = pytest.mark.export
CHANNELS_LAST = [0, 2, 3, 1]


class Written:
    """The graphs that are written meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.graphs: list[XNNGraph] = []
        self.write = xnnpack_preprocess.serialize_xnnpack_binary
        monkeypatch.setattr(xnnpack_preprocess, "serialize_xnnpack_binary", self.keep)

    def keep(self, graph: XNNGraph, *more: object) -> bytes:
        self.graphs.append(graph)
        return bytes(self.write(graph, *more))

    def transposes_of_images(self) -> list[list[int]]:
        """In the last graph."""
        nodes = (node.xnode_union for node in self.graphs[-1].xnodes)
        return [node.perm for node in nodes if isinstance(node, XNNStaticTranspose) and len(node.perm) == 4]

    def conversions(self) -> int:
        """In the last graph."""
        return sum(isinstance(node.xnode_union, XNNConvert) for node in self.graphs[-1].xnodes)


def exported(network: nn.Module, steps: Demo) -> tuple[bytes, NDArray[np.float32]]:
    """The file, and its logits of the images."""
    images = steps.images[:4].numpy()
    model = export_executorch(export_program(network, torch.zeros(1, *images.shape[1:])))
    runner = ExecuTorchRunner(model)
    return model, np.stack([runner.run(image[np.newaxis]) for image in images])


@pytest.mark.parametrize("kind", ["float", "static"])
def test_only_the_image_itself_is_moved(kind: str, tiny_steps: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_steps.deploy if kind == "float" else tiny_steps.graph
    written = Written(monkeypatch)
    _, logits = exported(network, tiny_steps)
    assert written.transposes_of_images() == [CHANNELS_LAST]
    conversions = written.conversions()
    monkeypatch.setattr(executorch, "images_are_tokens", nullcontext)
    _, moved = exported(network, tiny_steps)
    assert len(written.transposes_of_images()) > 8, "ExecuTorch does this by itself now: drop our pass"
    np.testing.assert_array_equal(logits, moved)
    shrinking = 2 if kind == "static" else 0
    assert conversions == written.conversions() - shrinking, "q's tokens are rounded once more"


def test_with_float16_not_even_the_image(tiny_steps: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the factors of the stem and of the head, which are constants."""
    plan = plan_of(tiny_steps.deploy, tiny_steps.images, Recipe())
    written = Written(monkeypatch)
    exported(float16_graph(executorch_graph(quantize_graph(plan))), tiny_steps)
    assert written.transposes_of_images() == [CHANNELS_LAST] * 4


def test_nothing_stays_behind(tiny_steps: Demo) -> None:
    before = _passes.ChannelsLastTaggedReshapePass
    exported(tiny_steps.graph, tiny_steps)
    assert _passes.ChannelsLastTaggedReshapePass is before


def test_repeated_factors_change_no_value(tiny_steps: Demo) -> None:
    graph = quantize_graph(plan_of(tiny_steps.deploy, tiny_steps.images, Recipe()))
    repeated = executorch_graph(graph)
    image = tiny_steps.images[:1]
    with torch.no_grad():
        assert torch.equal(repeated(image), graph(image))
    sizes = [node.meta["val"].shape[3] for node in graph.graph.nodes if node.target is torch.ops.aten.mul.Tensor]
    factors = [buffer.shape[3] for name, buffer in repeated.named_buffers() if name.endswith("_factors")]
    assert factors == sizes
    assert len(factors) == 4
    assert not [name for name, _ in repeated.named_buffers() if name.endswith(".factors")]


def test_divided_scores_are_no_factors_of_channels(tiny_steps: Demo) -> None:
    """They are multiplied too."""
    plan = plan_of(with_large_scores(tiny_steps.deploy, 300.0), tiny_steps.images, Recipe())
    graph = quantize_graph(fit_float16(plan))
    repeated = executorch_graph(graph)
    names = {name for name, _ in repeated.named_buffers()}
    assert sum(name.endswith("_factors") for name in names) == 4
    divisors = {name for name in names if name.endswith("restore.divisor")}
    assert divisors == {name for name, _ in graph.named_buffers() if name.endswith("restore.divisor")} != set()
    image = tiny_steps.images[:1]
    with torch.no_grad():
        assert torch.equal(repeated(image), graph(image))

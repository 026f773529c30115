"""Convolutions over phases of the image: the same sums as PyTorch's own convolution."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.fx import symbolic_trace

from levit_edge.quantize.export.onnx_phases import _PhaseStem, convolve_in_phases
from levit_edge.quantize.export.onnx_slices import merge_slices
from levit_edge.quantize.export.program import export_program


def _convolutions(generator: torch.Generator) -> list[nn.Conv2d]:
    layers = [nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in ((3, 5), (5, 7))]
    for layer in layers:
        for values in layer.parameters():
            values.data = torch.randn(values.shape, generator=generator)
    return layers


@pytest.mark.parametrize(("size", "dtype", "tolerance"), [(16, torch.float32, 1e-5), (48, torch.float16, 1e-2)])
def test_all_pixels_are_those_of_convolutions(size: int, dtype: torch.dtype, tolerance: float) -> None:
    """At the edges, too: the planes that are moved in are zero."""
    generator = torch.Generator().manual_seed(0)
    first, second = _convolutions(generator)
    image = torch.randn(1, 3, size, size, generator=generator)
    weights = [(layer.weight.detach().to(dtype), layer.get_parameter("bias").detach()) for layer in (first, second)]
    with torch.no_grad():
        expected = second(nn.functional.hardswish(first(image)))
        found = _PhaseStem(weights, size)(image)
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < tolerance * expected.abs().max()


def test_other_stems_stay_as_they_are() -> None:
    """One whose first dynamic convolution does not read the image, and one with a single one."""
    traced = symbolic_trace(nn.Sequential(nn.Identity(), nn.Hardswish()))
    nodes = list(traced.graph.nodes)
    for convolutions in ([], nodes[1:2], [nodes[2], nodes[1]]):
        convolve_in_phases(traced, convolutions)
        assert list(traced.graph.nodes) == nodes


def test_images_without_whole_phases_stay_as_they_are() -> None:
    first, second = _convolutions(torch.Generator().manual_seed(0))
    graph = export_program(nn.Sequential(first, nn.Hardswish(), second), torch.zeros(1, 3, 18, 18)).module()
    nodes = list(graph.graph.nodes)
    convolve_in_phases(graph, list(graph.graph.find_nodes(op="call_function", target=torch.ops.aten.conv2d.default)))
    assert list(graph.graph.nodes) == nodes


def _sliced(*axes: int) -> onnx.ModelProto:
    """A Slice for each axis, from 1 to the last."""
    nodes, constants = [], [helper.make_tensor(name, TensorProto.INT64, [1], [v]) for name, v in (("a", 1), ("b", -1))]
    for step, axis in enumerate(axes):
        constants.append(helper.make_tensor(f"axis{step}", TensorProto.INT64, [1], [axis]))
        nodes.append(helper.make_node("Slice", [f"v{step}", "a", "b", f"axis{step}", "a"], [f"v{step + 1}"]))
    ends = [helper.make_tensor_value_info(f"v{at}", TensorProto.FLOAT, None) for at in (0, len(axes))]
    return helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], constants))


@pytest.mark.parametrize(("axes", "left"), [((0, 2), 1), ((0, 2, 1), 1), ((1, 1), 2), ((1, -2), 2), ((1, -1), 2)])
def test_slices_of_slices_are_one_on_different_axes(axes: tuple[int, ...], left: int) -> None:
    values = torch.arange(5.0**3).view(5, 5, 5).numpy()
    model = _sliced(*axes)
    (expected,) = ReferenceEvaluator(model).run(None, {"v0": values})
    merge_slices(model.graph)
    (found,) = ReferenceEvaluator(model).run(None, {"v0": values})
    assert np.array_equal(found, expected)
    needed, name = 0, model.graph.output[0].name
    producers = {node.output[0]: node for node in model.graph.node}
    while name in producers:
        needed, name = needed + 1, producers[name].input[0]
    assert needed == left

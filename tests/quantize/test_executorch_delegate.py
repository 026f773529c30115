"""Operators of a delegate in a better order: what is written, and that no value changes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from executorch.backends.xnnpack import xnnpack_preprocess
from executorch.backends.xnnpack.serialization.xnnpack_graph_schema import (
    XNNConcatenate2,
    XNNConv2d,
    XNNDatatype,
    XNNFullyConnected,
    XNNGraph,
    XNNStaticConstantPad,
    XNNStaticSlice,
    XNNStaticTranspose,
)
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from levit_edge.bundle.recipe import Recipe, WeightRounding
from levit_edge.data.preprocess import Preprocessing
from levit_edge.model.deploy import DeployAttention, DeployShrinkingAttention
from levit_edge.model.fuse import fuse
from levit_edge.quantize.export import executorch
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.executorch_delegate import Delegate
from levit_edge.quantize.export.executorch_stem import executorch_graph
from levit_edge.quantize.export.float16 import float16_graph
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.runtime.executorch_runner import ExecuTorchRunner
from tests.faults.tiny_levit import TINY
from tests.model.conftest import seeded_levit
from tests.quantize.conftest import Demo, photographs, plan_of, steps_of

pytestmark = pytest.mark.export
Q = torch.ops.quantized_decomposed
INT8 = (-128, 127, torch.int8)
ATTENTIONS = (DeployAttention, DeployShrinkingAttention)


class Written:
    """The delegates that are written meanwhile, as they are written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.delegates: list[Delegate] = []
        self.write = xnnpack_preprocess.serialize_xnnpack_binary
        monkeypatch.setattr(xnnpack_preprocess, "serialize_xnnpack_binary", self.keep)

    def keep(self, graph: XNNGraph, *more: object) -> bytes:
        self.delegates.append(Delegate(graph))
        return bytes(self.write(graph, *more))

    def operators(self, kind: type) -> list[Any]:
        """All of a kind in the last one."""
        return [node.xnode_union for node in self.delegates[-1].operators(kind)]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    return Written(monkeypatch)


@contextmanager
def as_collected(*_changes: object) -> Iterator[None]:
    """In the place of `rearranged`."""
    yield


def results(network: nn.Module, image: Tensor) -> NDArray[np.float32]:
    return ExecuTorchRunner(export_executorch(export_program(network, image))).run(image.numpy())


def both(
    network: nn.Module, image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What files of the network give, in the order in which ExecuTorch has collected the operators, and in ours."""
    with monkeypatch.context() as patch:
        patch.setattr(executorch, "rearranged", as_collected)
        collected = results(network, image)
    return collected, results(network, image)


class Padded(nn.Module):
    """A convolution of what is padded, or a view of it, with `value` on the left and at the top."""

    def __init__(self, value: float = 0.0, channels: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.ends = [channels, 0, 2, 0, 1, 0]
        self.value = value
        self.convolution = nn.Conv2d(4 + channels, 8, (3, 2), padding=(1, 0))

    def forward(self, image: Tensor) -> Tensor:
        pixels = F.pad(image.permute(0, 2, 3, 1), self.ends, value=self.value)
        return self.convolution(pixels.permute(0, 3, 1, 2)).flatten(1)  # type: ignore[no-any-return]


IMAGE = torch.linspace(-2, 2, 4 * 30).reshape(1, 4, 6, 5)


def test_a_convolution_pads_by_itself(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, found = both(Padded().eval(), IMAGE, monkeypatch)
    np.testing.assert_array_equal(found, expected)
    assert written.operators(XNNStaticConstantPad) == []
    (conv,) = written.operators(XNNConv2d)
    ends = (conv.padding_top, conv.padding_left, conv.padding_bottom, conv.padding_right)
    assert ends == (2, 2, 1, 0)


@pytest.mark.parametrize("network", [Padded(value=1.0), Padded(channels=2)], ids=["of ones", "of channels"])
def test_other_paddings_stay(network: nn.Module, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, found = both(network.eval(), IMAGE, monkeypatch)
    np.testing.assert_array_equal(found, expected)
    assert len(written.operators(XNNStaticConstantPad)) == 1


class Int8(nn.Module):
    """An int8 linear with fixed ranges and a result of `dtype`."""

    def __init__(self, dtype: torch.dtype, inputs: int, outputs: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(inputs)
        self.dtype = dtype
        self.register_buffer(
            "weight", torch.randint(-127, 128, (outputs, inputs), dtype=torch.int8, generator=generator)
        )
        self.register_buffer("scales", torch.rand(outputs, generator=generator) / 500)
        self.register_buffer("zero_points", torch.zeros(outputs, dtype=torch.int64))
        self.register_buffer("bias", torch.randn(outputs, generator=generator).to(dtype))

    def forward(self, values: Tensor) -> Tensor:
        weight = Q.dequantize_per_channel.default(
            self.weight, self.scales, self.zero_points, 0, *INT8, out_dtype=self.dtype
        )
        return rounded(F.linear(values, weight, self.get_buffer("bias")), self.dtype)


def rounded(values: Tensor, dtype: torch.dtype) -> Tensor:
    affine = (0.05, 3, *INT8)
    return Q.dequantize_per_tensor.default(Q.quantize_per_tensor.default(values, *affine), *affine, out_dtype=dtype)  # type: ignore[no-any-return]


class Layers(nn.Module):
    """(rows, 128) -> (rows, 128): two int8 linears, with a hardswish behind each."""

    def __init__(self, dtype: torch.dtype, hidden: int = 128) -> None:
        super().__init__()
        self.dtype = dtype
        self.up, self.down = Int8(dtype, 128, hidden), Int8(dtype, hidden, 128)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = rounded(F.hardswish(self.up(rounded(tokens, self.dtype))), self.dtype)
        return F.hardswish(self.down(hidden)).float()


def tokens(rows: int) -> Tensor:
    return torch.linspace(-5, 5, rows * 128).reshape(rows, 128)


def rows_of_linears(written: Written) -> list[int]:
    return [written.delegates[-1].shape(each.input1_id)[0] for each in written.operators(XNNFullyConnected)]


def test_a_last_row_is_computed_alone(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first linear to the last: once it is sliced, and once joined again."""
    expected, found = both(Layers(torch.float16), tokens(9), monkeypatch)
    np.testing.assert_array_equal(found, expected)
    assert np.ptp(found) > 1
    assert rows_of_linears(written) == [8, 1, 8, 1]
    assert [each.sizes for each in written.operators(XNNStaticSlice)] == [[8, 128], [1, 128]]
    assert len(written.operators(XNNConcatenate2)) == 1


def test_one_of_two_linears_may_be_too_small(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is between them is computed whole."""
    network = nn.Sequential(Layers(torch.float16), Layers(torch.float16, hidden=64))
    expected, found = both(network, tokens(5), monkeypatch)
    np.testing.assert_array_equal(found, expected)
    assert rows_of_linears(written) == [4, 1, 4, 1, 5, 5]


@pytest.mark.parametrize(
    ("rows", "dtype"), [(8, torch.float16), (10, torch.float16), (1, torch.float16), (9, torch.float32)], ids=str
)
def test_others_stay_whole(rows: int, dtype: torch.dtype, written: Written) -> None:
    """Without idle rows, with two rows more, with one alone, and in the file for x86-64, which has other kernels."""
    results(Layers(dtype), tokens(rows))
    assert rows_of_linears(written) == [rows] * 2


def test_heads_are_moved_in_int8(tiny_steps: Demo, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for k's, which a product takes transposed only if the transpose is what it reads, and a convolution's q."""
    expected, found = both(tiny_steps.graph, tiny_steps.images[:1], monkeypatch)
    np.testing.assert_array_equal(found, expected)
    modules = [*tiny_steps.deploy.modules()]
    plain, shrinking = (sum(isinstance(each, kind) for each in modules) for kind in ATTENTIONS)
    delegate, transposes = written.delegates[-1], written.operators(XNNStaticTranspose)
    moved = Counter((*each.perm, delegate.datatype(each.input_id)) for each in transposes if len(each.perm) == 3)
    assert shrinking > 0
    assert moved == {
        (1, 0, 2, XNNDatatype.xnn_datatype_qint8): 2 * plain + shrinking,
        (1, 0, 2, XNNDatatype.xnn_datatype_fp32): plain + 2 * shrinking,
        (1, 2, 0, XNNDatatype.xnn_datatype_fp32): plain + shrinking,
    }


@pytest.fixture(scope="module")
def ragged() -> Demo:
    """A LeViT whose stages have 100, 25 and 9 tokens: in two, one more than a multiple of four."""
    config = replace(TINY, widths=(32, 128, 160), heads=(2, 4, 5), image_size=160, resize=160)
    return steps_of(fuse(seeded_levit(config)), photographs(Preprocessing.from_config(config), 4))


def test_a_levit_with_rows_of_their_own_computes_the_same(
    ragged: Demo, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, in the file that computes in float16."""
    plan = plan_of(ragged.deploy, ragged.images, Recipe(weight_rounding=WeightRounding.NEAREST))
    graph = float16_graph(executorch_graph(quantize_graph(plan)))
    expected, found = both(graph, ragged.images[:1], monkeypatch)
    np.testing.assert_array_equal(found, expected)
    rows = rows_of_linears(written)
    assert {24, 8, 1} <= set(rows), rows

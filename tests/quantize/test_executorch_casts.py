"""Casts between float16 and float32 in a delegate: what each of our pieces is for, and that none stays behind.

A test here that fails with a newer ExecuTorch says that a piece of `executorch_casts.py` has become needless.
"""

import contextlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from executorch.backends.xnnpack import _passes
from executorch.backends.xnnpack.operators.node_visitor import _node_visitor_dict
from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
from torch import Tensor, nn
from torch.nn import functional as F

from levit_edge.errors import QuantizationError, RuntimeUnavailableError
from levit_edge.quantize.export import executorch, executorch_casts
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.executorch_casts import WRITER, casts_in_delegates
from levit_edge.quantize.export.program import export_program
from levit_edge.runtime.executorch_runner import ExecuTorchRunner

pytestmark = pytest.mark.export
Q = torch.ops.quantized_decomposed
INT8 = (-128, 127, torch.int8)
IMAGE = torch.linspace(-4, 4, 64).view(1, 64)
TOLERANCE = 1e-3
GARBAGE = 0.5
"""Of the largest result; int8 rounding is a hundredth of that."""


class Halves(nn.Module):
    """Whole numbers, as float16 has no others near 1,024; float32 would leave the values as they are."""

    offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("offset", torch.full((1, 64), 1024.0, dtype=torch.float16))

    def forward(self, values: Tensor) -> Tensor:
        return ((values.half() + self.offset) - self.offset).float()


class Dynamic(nn.Module):
    """An int8 linear of a range that is taken from float16, for a float32 result."""

    weight: Tensor
    scales: Tensor
    zero_points: Tensor

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("weight", torch.randint(-127, 128, (16, 64), generator=generator, dtype=torch.int8))
        self.register_buffer("scales", torch.full((16,), 1e-3))
        self.register_buffer("zero_points", torch.zeros(16, dtype=torch.int64))

    def forward(self, values: Tensor) -> Tensor:
        half = F.hardswish(values.half())
        parameters = Q.choose_qparams.tensor(half, *INT8[:2], 2**-12, torch.int8)
        rounded = Q.dequantize_per_tensor.tensor(
            Q.quantize_per_tensor.tensor(half, *parameters, *INT8), *parameters, *INT8
        )
        weight = Q.dequantize_per_channel.default(self.weight, self.scales, self.zero_points, 0, -127, 127, torch.int8)
        return F.linear(rounded, weight)


def error_of(network: nn.Module) -> float:
    """The largest difference between the network and its file, over the largest result."""
    model = export_executorch(export_program(network, IMAGE))
    expected, found = network(IMAGE)[0].numpy(), ExecuTorchRunner(model).run(IMAGE.numpy())
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def global_state() -> list[object]:
    return [_passes.RemoveRedundantCopyPass, dict(_node_visitor_dict), list(ALL_PARTITIONER_CONFIGS)]


def test_casts_are_part_of_the_delegate() -> None:
    assert error_of(Halves()) < TOLERANCE


def test_nothing_stays_behind() -> None:
    before = global_state()
    export_executorch(export_program(Halves(), IMAGE))
    assert global_state() == before
    fails_inside(before)
    assert global_state() == before


def fails_inside(before: list[object]) -> None:
    with contextlib.suppress(KeyError), casts_in_delegates():
        assert global_state() != before
        raise KeyError


def without_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executorch, "CONFIGS", ALL_PARTITIONER_CONFIGS)


def without_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executorch_casts, "WriteCast", _node_visitor_dict[WRITER])


def without_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executorch_casts, "KeepCasts", _passes.RemoveRedundantCopyPass)


@pytest.mark.parametrize("without", [without_config, without_writer, without_pass])
def test_each_piece_is_needed(without: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)
    try:
        error = error_of(Halves())
    except (QuantizationError, RuntimeUnavailableError):
        return
    assert error > TOLERANCE, "ExecuTorch does this by itself now: drop our piece"


def test_a_dynamic_range_of_float16_for_float32_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(QuantizationError, match=r"takes its range from float16 and gives float32.*--no-float16"):
        export_executorch(export_program(Dynamic(), IMAGE))
    monkeypatch.setattr(executorch, "_require_right_ranges", lambda _program: None)
    assert error_of(Dynamic()) > GARBAGE, (
        "XNNPACK computes this rightly now, as 1.5.1's: drop the cast in front of the head once no older runtime is"
        " promised"
    )

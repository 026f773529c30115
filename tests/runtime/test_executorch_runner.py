"""The ExecuTorch runner, on a small real program."""

import gc

import numpy as np
import pytest
import torch

from levit_edge.errors import RuntimeUnavailableError
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.runtime.executorch_runner import ExecuTorchRunner

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def program() -> bytes:
    """Doubles the mean of each channel."""
    linear = torch.nn.Linear(12, 3, bias=False)
    network = torch.nn.Sequential(torch.nn.Flatten(), linear).eval()
    with torch.no_grad():
        linear.weight.copy_(torch.eye(3).repeat_interleave(4, dim=1) / 2)
    return export_executorch(torch.export.export(network, (torch.zeros(1, 3, 2, 2),)))


def test_it_outlives_the_bytes_it_was_made_from(program: bytes) -> None:
    runner = ExecuTorchRunner(bytes(bytearray(program)))
    gc.collect()
    overwritten = [bytes(len(program)) for _ in range(64)]
    image = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    np.testing.assert_allclose(runner.run(image), [3, 11, 19], rtol=1e-5)
    assert len(overwritten) == 64


def test_strides_do_not_matter(program: bytes) -> None:
    runner = ExecuTorchRunner(program)
    image = np.random.default_rng(0).random((1, 3, 2, 2), np.float32)
    channels_last = np.ascontiguousarray(image.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(runner.run(channels_last), runner.run(image))


def test_what_is_no_program_is_refused(program: bytes) -> None:
    for data in (b"", b"not a program at all", program[: len(program) // 2]):
        with pytest.raises(RuntimeUnavailableError, match=r"ExecuTorch 1\.\S+ refuses the file"):
            ExecuTorchRunner(data)

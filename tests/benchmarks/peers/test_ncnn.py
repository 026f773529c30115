"""ncnn's files, rewritten: linears in int8, everything else byte for byte."""

import numpy as np
import pytest

from benchmarks.peers.ncnn import INT8_TAG, quantize_linears

STRUCTURE = """7767517
4 4
Input                    in0 0 1 in0
Convolution              conv 1 1 in0 1 0=2 1=1 5=1 6=6
MemoryData               bias 0 1 2 0=3 1=2
Gemm                     gemm 1 1 1 3 10=4 2=0 3=1 4=0 5=1 6=1 7=4 8=3 9=2
"""
NO_TAG = bytes(4)


def floats(*values: float) -> bytes:
    return np.array(values, np.float32).tobytes()


KEPT = NO_TAG + floats(*range(6)) + floats(7, 8) + floats(*range(6))
RIGHT = (0.5, -1.27, 0.01, 1.0, 0.0, -0.004)
BIAS = NO_TAG + floats(1, 2, 3)


def test_linears_become_int8_and_nothing_else_changes() -> None:
    lines, content = quantize_linears(STRUCTURE, KEPT + NO_TAG + floats(*RIGHT) + BIAS)
    changed = [line for line in lines.splitlines() if line not in STRUCTURE.splitlines()]
    assert changed == [STRUCTURE.splitlines()[-1] + " 18=2"]
    scale = np.float32(127 / np.float32(1.27))
    steps = np.array([50, -127, 1, 100, 0, 0], np.int8).tobytes() + bytes(2)
    assert content == KEPT + INT8_TAG.to_bytes(4, "little") + steps + BIAS + scale.tobytes()


@pytest.mark.parametrize("weights", [KEPT + NO_TAG + floats(*RIGHT), KEPT + NO_TAG + floats(*RIGHT) + BIAS + bytes(4)])
def test_weights_of_other_layers_are_refused(weights: bytes) -> None:
    with pytest.raises(ValueError, match=r"end before the layers do|expected \d+"):
        quantize_linears(STRUCTURE, weights)


def test_float16_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="expected those of float32"):
        quantize_linears(STRUCTURE, (0x01306B47).to_bytes(4, "little") + KEPT[4:])

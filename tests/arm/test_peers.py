"""Another engine on an emulated processor: a small ncnn network, in float and with its linear in int8."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.arm.counting import PEERS, count, emulator_for, logits_there
from benchmarks.peers.ncnn import quantize_linears
from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import Floats
from levit_edge.board.transports.qemu import Emulator

pytestmark = [pytest.mark.device, pytest.mark.timeout(1800)]
ROWS, INPUTS, OUTPUTS = 192, 16, 512
STRUCTURE = f"""7767517
4 4
Input                    in0 0 1 in0
Reshape                  rows 1 1 in0 1 0={INPUTS} 1={ROWS}
Gemm                     gemm 1 1 1 2 10=4 2=0 3=1 4=0 5=1 6=1 7={ROWS} 8={OUTPUTS} 9={INPUTS}
Reduction                mean 1 1 2 out0 0=3 1=0 -23303=1,0 5=1
"""
"""The mean over rows of a linear, of an image of 3 × 32 × 32."""
LEAST_SQNR_DB = 35
"""Of int8 against float32. Seen: 43."""


@pytest.fixture(scope="module")
def emulator(board_folder: Path) -> Emulator:
    if not Emulator(cpu="cortex-a76", folder=board_folder).counts:
        pytest.skip(f"nothing counts instructions: run scripts/board/setup.sh {board_folder} --counting")
    assert (board_folder / PEERS / "ncnn").is_dir()
    return emulator_for("cortex-a76", board_folder)


def test_int8_is_counted_and_computes_what_float_does(emulator: Emulator, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights, biases = random.normal(size=(OUTPUTS, INPUTS)), random.normal(size=OUTPUTS)
    images = random.normal(size=(2, 3, 32, 32)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    content = b"".join(bytes(4) + values.astype(np.float32).tobytes() for values in (weights, biases))
    expected = (images.reshape(2, ROWS, INPUTS) @ weights.T + biases).mean(1)
    found = {}
    for name, (lines, binary) in {"float": (STRUCTURE, content), "int8": quantize_linears(STRUCTURE, content)}.items():
        file = tmp_path / name / "model.ncnn.param"
        file.parent.mkdir()
        file.write_text(lines)
        file.with_suffix(".bin").write_bytes(binary)
        (file.parent / "options.json").write_text('{"use_fp16_storage": false, "use_fp16_arithmetic": false}')
        logits = logits_there(emulator, Engine.NCNN, file, tmp_path / "images.npy", 2, 600)
        found[name] = sqnr_db(expected, logits), count(emulator, Engine.NCNN, file, tmp_path / "images.npy", 3, 600)
    assert found["float"][0] > 100
    assert LEAST_SQNR_DB < found["int8"][0] < 100
    assert 0.2 < found["float"][1].main < 5  # 1.6 million multiply-adds, four or more an instruction
    assert found["float"][1].main != found["int8"][1].main
    assert max(each.elsewhere for _, each in found.values()) < 0.01


def sqnr_db(expected: Floats, logits: Floats) -> float:
    return float(10 * np.log10((expected**2).sum() / ((expected - logits) ** 2).sum()))

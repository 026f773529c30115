"""A store that is empty, and contenders that build at once."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.arm.measuring import EVALUATION, EXPECTED, Measuring
from benchmarks.arm.store import Store
from benchmarks.speed.contender import Contender, Engine, Workshop, build_with
from levit_edge.bundle.kinds import Precision
from tests.benchmarks.speed import fakes
from tests.board.listeners import Heard


def contender(function: str, **choices: int) -> Contender:
    return Contender(
        name=function,
        engine=Engine.ONNXRUNTIME,
        precision=Precision.FP32,
        requires=("numpy",),
        build=build_with(f"{fakes.__name__}.{function}", **choices),
        process="one",
    )


@pytest.fixture
def measuring(tmp_path: Path) -> Measuring:
    (tmp_path / "found").mkdir()
    np.save(tmp_path / EVALUATION, np.zeros((2, 3, 32, 32), np.float32))
    np.save(tmp_path / EXPECTED, np.ones((2, 3), np.float32))
    return Measuring(
        workshop=Workshop(folder=tmp_path, checkpoint=Path("none.pth"), size=None),
        store=Store(folder=tmp_path),
        boards=tmp_path,
        runs=3,
        float16_images=1,
        timeout_s=60,
        listener=Heard(),
    )

"""Two files that take turns, on a clock that is told how long each takes."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.arm import here
from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import Floats, Run

MILLISECONDS = {"fast": 4, "slow": 10}


def test_a_file_is_timed_beside_another_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "images.npy", np.zeros((2, 3, 4, 4), np.float32))
    elapsed, order = [0.0], []

    def opener(_engine: Engine, file: Path, _threads: int) -> Callable[[], Run]:
        def run(image: Floats) -> Floats:
            elapsed[0] += MILLISECONDS[file.name] / 1e3
            order.append(file.name)
            return image

        return lambda: run

    monkeypatch.setattr(here, "opener", opener)
    monkeypatch.setattr(time, "process_time", lambda: elapsed[0])
    files = tmp_path / "slow", tmp_path / "fast"
    ms, ratio = here.in_turn(Engine.NCNN, files[0], Engine.EXECUTORCH, files[1], tmp_path / "images.npy")
    assert (round(ms, 6), round(ratio, 6)) == (10, 2.5)
    assert order[-4:] == ["slow", "slow", "fast", "fast"]

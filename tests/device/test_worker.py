"""The processes that run a board's model files."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.board.session import Session
from levit_edge.device.lane import Lane
from levit_edge.device.worker import Worker
from levit_edge.errors import BoardError
from tests.board.conftest import Place


def test_runs_are_timed_after_those_that_are_not() -> None:
    ran: list[None] = []
    worker = Worker()
    worker.image, worker.run_one = None, ran.append
    assert len(worker.run(warm_up=2, times=3)["ms"]) == 3
    assert len(ran) == 5


def test_squares_of_pixels_become_what_the_tables_say() -> None:
    worker, seen = Worker(), []
    worker.image = np.zeros((1, 3, 2, 2), np.float32)
    worker.normalise_by([[channel * 1000 + value for value in range(256)] for channel in range(3)])

    def run_one(image: Any) -> Any:
        seen.append(image)
        return np.array([1.0, 2.0], np.float32)

    worker.run_one = run_one
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    answer, logits = worker.infer(pixels.tobytes(), 2)
    assert len(answer["seconds"]) == 2
    assert np.frombuffer(logits, "<f4").tolist() == [1, 2, 1, 2]
    for square, image in zip(pixels, seen, strict=True):
        assert image.dtype == np.float32
        assert np.array_equal(image[0], square.transpose(2, 0, 1) + 1000.0 * np.arange(3)[:, None, None])


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (signal.SIGKILL, "SIGKILL, often for want of memory"),
        (signal.SIGILL, "SIGILL: an instruction this processor has not"),
        (signal.SIGSEGV, "SIGSEGV: the file is damaged or hostile, or the runtime does not fit this processor"),
    ],
)
def test_a_worker_that_dies_says_how(place: Place, working: Session, number: signal.Signals, how: str) -> None:
    (worker,) = place.workers(working)
    os.kill(worker, number)
    working.request("infer", count=1)
    working.send_bytes(bytes(3 * 32 * 32))
    with pytest.raises(BoardError, match=rf"a process on the board ended: model\.onnx: its process died \({how}\)\."):
        working.answer()


def test_a_worker_is_stopped_between_requests() -> None:
    lane = Lane()
    assert lane.ask(do="memory")["peak_bytes"] > 0
    while state(lane.pid) != "T":
        time.sleep(0.001)
    assert lane.ask(do="memory")["peak_bytes"] > 0
    lane.close()
    assert not Path(f"/proc/{lane.pid}").exists()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

"""A worker answers, stands still between its turns, and its end is a reason."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.contender import IMAGES, Engine, Workshop
from benchmarks.speed.lane import Lane, LaneError

PATIENCE_S = 60.0


@pytest.fixture
def lane() -> Iterator[Lane]:
    with Lane() as opened:
        yield opened


def ask_to_open(lane: Lane, file: Path, workshop: Workshop) -> dict[str, float]:
    images = str(workshop.folder / IMAGES)
    return lane.ask("open", engine=Engine.ONNXRUNTIME, file=str(file), threads=1, images=images)


def state(lane: Lane) -> str:
    return Path(f"/proc/{lane.process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_worker_opens_checks_runs_and_weighs(lane: Lane, tiny_file: Path, workshop: Workshop) -> None:
    opened = ask_to_open(lane, tiny_file, workshop)
    assert opened["load_ms"] > 0
    assert opened["first_ms"] > 0
    expected = 4 * workshop.images()[:2].mean((2, 3))
    assert np.array(lane.ask("check", count=2)["logits"]) == pytest.approx(expected, abs=1e-6)
    assert len(lane.ask("run", warm_up=1, times=5)["ms"]) == 5
    assert lane.ask("memory")["peak_bytes"] > opened["imported_bytes"] > 2**20


def test_it_stands_still_while_it_is_not_asked(lane: Lane, tiny_file: Path, workshop: Workshop) -> None:
    ask_to_open(lane, tiny_file, workshop)
    until = time.monotonic() + PATIENCE_S
    while state(lane) != "T":
        assert time.monotonic() < until, "still not stopped"


def test_memory_is_that_of_the_worker_alone() -> None:
    ballast = np.ones(2**27)  # 1 GiB
    with Lane() as started_beside_it:
        assert started_beside_it.ask("memory")["peak_bytes"] < ballast.nbytes / 2


@pytest.mark.parametrize(
    ("file", "reason"),
    [("none.onnx", "failed: FileNotFoundError: "), ("images.npy", "failed: RuntimeUnavailableError: ONNX Runtime")],
)
def test_what_cannot_be_opened_is_a_reason(lane: Lane, workshop: Workshop, file: str, reason: str) -> None:
    with pytest.raises(LaneError, match=f"^{reason}"):
        ask_to_open(lane, workshop.folder / file, workshop)
    assert lane.ask("memory")["peak_bytes"] > 0, "it goes on"


def test_a_worker_that_died_is_a_reason(lane: Lane, tiny_file: Path, workshop: Workshop) -> None:
    ask_to_open(lane, tiny_file, workshop)
    lane.process.kill()
    for _ in range(2):
        with pytest.raises(LaneError, match="its process died, signal SIGKILL"):
            lane.ask("run", warm_up=0, times=1)


def test_one_that_dies_while_it_is_asked_says_why(lane: Lane) -> None:
    assert lane.process.stdin is not None
    lane.process.stdin.write(b"no JSON\n")
    with pytest.raises(LaneError, match=r"its process died, exit status 1: json\.decoder\.JSONDecodeError"):
        lane.ask("memory")


def test_closing_ends_a_stopped_worker(lane: Lane) -> None:
    lane.ask("memory")
    lane.close()
    assert lane.process.returncode == -signal.SIGKILL

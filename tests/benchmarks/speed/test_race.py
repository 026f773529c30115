"""All run in turn, and who fails leaves the others alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed import race as module
from benchmarks.speed.contender import IMAGES, Engine, Workshop
from benchmarks.speed.lane import Lane
from benchmarks.speed.race import Entry, Schedule, race
from tests.board.listeners import Heard

SCHEDULE = Schedule(threads=1, rounds=3, runs=4, warm_up=1)


@contextmanager
def noted(turns: list[int]) -> Iterator[type[Lane]]:
    """A Lane that writes down whose turn it is, and dies at the second turn of the second one."""

    class Noting(Lane):
        def ask(self, request: str, **arguments: object) -> dict[str, object]:
            if request == "run":
                turns.append(self.process.pid)
                if len(turns) == 5:
                    self.process.kill()
            return super().ask(request, **arguments)

    yield Noting


def test_turns_and_failures(tiny_file: Path, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    entries = dict.fromkeys(("a", "dies", "c"), Entry(engine=Engine.ONNXRUNTIME, file=tiny_file))
    entries["junk"] = Entry(engine=Engine.ONNXRUNTIME, file=workshop.folder / IMAGES)
    with noted(turns) as lane:
        monkeypatch.setattr(module, "Lane", lane)
        finishes = race(entries, workshop.folder / IMAGES, SCHEDULE, Heard())

    a, dies, c = turns[:3]
    assert turns == [a, dies, c, a, dies, c, a, c]
    assert list(finishes) == ["a", "dies", "c", "junk"]
    assert finishes["dies"].reason == "failed: its process died, signal SIGKILL"
    assert finishes["junk"].reason.startswith("failed: RuntimeUnavailableError")
    for name in ("a", "c"):
        finish = finishes[name]
        assert finish.reason == ""
        assert [len(each) for each in finish.rounds] == [4, 4, 4]
        assert finish.peak_bytes is not None
        assert finish.logits is not None
        assert finish.logits == pytest.approx(4 * workshop.images().mean((2, 3)), abs=1e-6)
        assert finish.logits.dtype == np.float32

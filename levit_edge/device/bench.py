"""Times files on a board."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

from levit_edge.device.facts import read_state
from levit_edge.device.lane import Lane
from levit_edge.device.protocol import AgentError, Say

FIRST_WARM_UP = 3
"""Untimed runs of a file before its first round, besides those of every round."""


@contextlib.contextmanager
def noting_faults(entry: dict[str, Any]) -> Iterator[None]:
    """Let what goes wrong with a file be its entry's error: the others go on."""
    try:
        yield
    except AgentError as error:
        entry["error"] = error.document()


class Bench:
    """Times files in turns: A B C A B C …, so that what slows the board for a while slows all alike.

    The job: `files` (file, runtime, int8), `threads` (numbers), `rounds`, `runs`, `warm_up`, `shape` (1, 3, size,
    size), `golden` (the archive), `least_sqnr_db` (by file), `sustained_s` and `profiled_runs` (0 for none).
    """

    def __init__(self, folder: str, job: dict[str, Any], say: Say) -> None:
        self.folder, self.job, self.say = folder, job, say
        self.entries: list[Any] = []

    def result(self) -> dict[str, Any]:
        """Everything measured, one document."""
        before = read_state()
        for threads in self.job["threads"]:
            self._race(threads)
        after = read_state()
        sustained = self._sustain() if self.job["sustained_s"] else None
        return {"before": before, "after": after, "entries": self.entries, "sustained": sustained}

    def _race(self, threads: int) -> None:
        with contextlib.ExitStack() as lanes:
            runners = []
            for file in self.job["files"]:
                entry: dict[str, Any] = {"file": file["file"], "threads": threads, "rounds": [], "error": None}
                self.entries.append(entry)
                with noting_faults(entry):
                    runners.append((self._opened(file, threads, entry, lanes), entry))
            for turn in range(self.job["rounds"]):
                for lane, entry in runners:
                    if entry["error"] is None:
                        self._turn(lane, entry, turn)
                self.say({"progress": "time", "threads": threads, "done": turn + 1, "total": self.job["rounds"]})
            for lane, entry in runners:
                if entry["error"] is None:
                    with noting_faults(entry):
                        entry.update(lane.ask(do="memory"))
            if self.job["profiled_runs"]:
                self._profile(threads, runners)

    def _profile(self, threads: int, runners: list[Any]) -> None:
        """After all else, as a profile takes memory and time. One that fails takes no times away."""
        files = {file["file"] for file in self.job["files"] if file["runtime"] == "onnxruntime"}
        for lane, entry in runners:
            if entry["error"] is None and entry["file"] in files:
                self.say({"progress": "profile", "file": entry["file"], "threads": threads})
                profile: dict[str, Any] = {}
                entry["profile"] = profile
                path, runs = os.path.join(self.folder, entry["file"]), self.job["profiled_runs"]
                with noting_faults(profile):
                    profile.update(lane.ask(do="profile", path=path, threads=threads, runs=runs, folder=self.folder))

    def _opened(self, file: dict[str, Any], threads: int, entry: dict[str, Any], lanes: contextlib.ExitStack) -> Lane:
        self.say({"progress": "check", "file": file["file"], "threads": threads})
        lane = lanes.enter_context(contextlib.closing(Lane()))
        path, golden = os.path.join(self.folder, file["file"]), os.path.join(self.folder, self.job["golden"])
        entry.update(lane.ask(do="open", path=path, runtime=file["runtime"], threads=threads, shape=self.job["shape"]))
        entry["golden"] = lane.ask(do="golden", path=golden, key=file["file"])
        self._require_golden(file["file"], entry["golden"])
        return lane

    def _require_golden(self, name: str, golden: dict[str, Any]) -> None:
        least = self.job["least_sqnr_db"][name]
        if golden["noise"] > golden["signal"] * 10 ** (-least / 10) or not golden["std"] > 0:
            raise AgentError(
                "golden",
                f"it does not compute here what it computed where it was made: {golden['same_top1']} of"
                f" {golden['images']} golden image{'s' * (golden['images'] != 1)} with the same top-1, and logits that"
                f" differ by more than {least} dB",
            )

    def _turn(self, lane: Lane, entry: dict[str, Any], turn: int) -> None:
        warm_up = self.job["warm_up"] + (FIRST_WARM_UP if turn == 0 else 0)
        with noting_faults(entry):
            entry["rounds"].append(lane.ask(do="run", warm_up=warm_up, times=self.job["runs"])["ms"])

    def _sustain(self) -> dict[str, Any] | None:
        """Work without a pause with the fastest int8 file that does; one that fails at it has failed."""
        int8 = {file["file"]: file for file in self.job["files"] if file["int8"]}
        timed = [
            (statistics.median(ms for taken in entry["rounds"] for ms in taken), entry)
            for entry in self.entries
            if entry["file"] in int8 and entry["error"] is None
        ]
        for median, entry in sorted(timed, key=lambda each: each[0]):
            with noting_faults(entry):
                return self._sustained(int8[entry["file"]], entry["threads"], median)
        return None

    def _sustained(self, file: dict[str, Any], threads: int, median: float) -> dict[str, Any]:
        with contextlib.ExitStack() as lanes:
            lane = self._opened(file, threads, {}, lanes)
            points, start, times = [], time.monotonic(), max(1, round(1000 / median))
            while (elapsed := time.monotonic() - start) < self.job["sustained_s"]:
                milliseconds = lane.ask(do="run", warm_up=0, times=times)["ms"]
                seconds = time.monotonic() - start
                points.append({"seconds": seconds, "p50_ms": statistics.median(milliseconds), "state": read_state()})
                self.say({"progress": "sustain", "done": round(elapsed), "total": self.job["sustained_s"]})
        return {"file": file["file"], "threads": threads, "points": points}

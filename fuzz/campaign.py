"""A campaign: many inputs for one reader, in a process that is watched and started again after each that it dies of."""

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Outcome", "run"]

CPU_S = 30.0
"""Of processor time for one input; of a busy machine's clock, much more may pass."""
WALL_S = 900.0
LISTED = 50
"""Findings, and contained deaths, that are kept with all they say."""
REPOSITORY = Path(__file__).parents[1]


@dataclass(kw_only=True)
class Outcome:
    """What came of a campaign."""

    reader: str
    seed: int
    count: int
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By the class of the error."""
    contained: Counter[str] = field(default_factory=Counter)
    """Deaths of a runtime's own process, by how."""
    contained_inputs: list[int] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    found: int = 0
    seconds: float = 0.0
    peak_growth_bytes: int = 0
    """Of one input, in the readers that are not native."""

    def add(self, index: int, told: dict[str, Any]) -> None:
        """Count what came of one input."""
        outcome = told["outcome"]
        self.peak_growth_bytes = max(self.peak_growth_bytes, told.get("grown", 0))
        if outcome == "accepted":
            self.accepted += 1
        elif outcome == "finding":
            self.found += 1
            if len(self.findings) < LISTED:
                self.findings.append({"index": index, "what": told["what"], "at": told.get("at", "")})
        elif outcome.startswith("contained"):
            self.contained[f"{outcome.removeprefix('contained ')}: {told['what']}"] += 1
            if len(self.contained_inputs) < LISTED:
                self.contained_inputs.append(index)
        else:
            self.refused[outcome] += 1

    def to_json(self) -> dict[str, Any]:
        """One object."""
        return {
            "reader": self.reader,
            "seed": self.seed,
            "count": self.count,
            "accepted": self.accepted,
            "refused": dict(self.refused.most_common()),
            "contained": dict(self.contained.most_common()),
            "contained_inputs": self.contained_inputs,
            "found": self.found,
            "findings": self.findings,
            "seconds": round(self.seconds, 1),
            "peak_growth_mib": self.peak_growth_bytes >> 20,
        }


def run(
    bundle: Path,
    reader: str,
    count: int,
    seed: int = 0,
    first: int = 0,
    worker: str = "fuzz.worker",
) -> Outcome:
    """Give `count` inputs, from number `first` on, to one reader."""
    outcome, start, index = Outcome(reader=reader, seed=seed, count=count), time.monotonic(), first
    while index < first + count:
        index = _serve([sys.executable, "-m", worker, str(bundle), reader, str(seed)], outcome, index, first + count)
    outcome.seconds = time.monotonic() - start
    return outcome


def _serve(worker: list[str], outcome: Outcome, index: int, stop: int) -> int:
    """Run one process until it is done or dies; returns the number of the next input."""
    command = [*worker, str(index), str(stop)]
    begun = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        try:
            for told in _lines(process):
                if "begins" in told:
                    begun = True
                    continue
                outcome.add(index, told)
                index += 1
        except TimeoutError as error:
            process.kill()
            outcome.add(index, {"outcome": "finding", "what": f"hang: {error}"})
            return index + 1
    if index < stop:
        if not begun:
            raise RuntimeError(f"{' '.join(command)} does not start: status {process.returncode}")
        outcome.add(index, {"outcome": "finding", "what": f"crash: the process ended with status {process.returncode}"})
        index += 1
    return index


def _lines(process: "subprocess.Popen[bytes]") -> Any:
    """What the worker says, as long as it says something often enough."""
    pipe = process.stdout
    if pipe is None:
        raise RuntimeError("no pipe")
    buffer, heard, worked = b"", time.monotonic(), _cpu_s(process.pid)
    while True:
        if select.select([pipe], [], [], 1.0)[0]:
            data = os.read(pipe.fileno(), 1 << 16)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                yield json.loads(line)
            heard, worked = time.monotonic(), _cpu_s(process.pid)
        elif time.monotonic() - heard > WALL_S or _cpu_s(process.pid) - worked > CPU_S:
            raise TimeoutError(f"more than {CPU_S:g} s of processor time, or {WALL_S:g} s in all")


def _cpu_s(pid: int) -> float:
    """Processor time of a process; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

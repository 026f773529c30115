"""End a command at random moments, again and again, and record what is found.

    python -m tests.faults quantize --runs 100 --seed 1 --record quantize.json

Each run: an old output or none is put in its place, the command starts in a session of its own, a signal ends it at a
moment that is drawn, and then its exit status, its messages, its output, its leftovers and its processes are looked at.
The exit status of this program is 1 if anything was found that must not be.
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from levit_edge.system.host import describe_host
from tests.faults.moments import ENDINGS, Ending, Moment, Victim, choose_moment, left_behind
from tests.faults.scenarios import MIXTURE, SCENARIOS, Scenario
from tests.faults.starting import Start, forked, program

__all__ = ["Fate", "Run", "main", "run_all", "summarise"]

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What came of one run."""

    had_old: bool
    moment: str
    ending: str
    after_s: float | None
    """None: the command ended before."""
    status: int
    found: str
    leftovers: tuple[str, ...]
    leftovers_after_the_next_run: tuple[str, ...]
    processes_left: int
    seconds_to_end: float
    stderr: str
    wrong: tuple[str, ...]

    @property
    def in_pythons_own_start(self) -> bool:
        """Whether a Ctrl-C came before anything of ours ran: Python answers with a traceback."""
        return self.stderr.rstrip().endswith("KeyboardInterrupt") and not any(
            ours in self.stderr for ours in ("levit_edge", "tests/faults")
        )


class Run:
    """One command, started and ended."""

    def __init__(self, scenario: Scenario, place: Path, start: Start = program) -> None:
        self._scenario, self._place, self._start = scenario, place, start

    def once(self, moment: Moment, ending: Ending, *, old: bool) -> Fate:
        """Start it where the scenario is prepared, end it, and look."""
        mark, log, out = os.urandom(8).hex(), self._place / "stderr.log", self._place / "stdout.log"
        for path in (log, out):
            path.write_bytes(b"")
        pid, wait = self._start(self._scenario.command(), self._place, mark)
        victim = Victim(pid, log, self._place)
        after_s = victim.end_at(moment, ending)
        sent = time.monotonic()
        status = wait()
        fate = Fate(
            had_old=old,
            moment=str(moment),
            ending=str(ending),
            after_s=None if after_s is None else round(after_s, 4),
            status=status,
            found=self._scenario.found(out.read_text()),
            leftovers=tuple(self._scenario.leftovers()),
            leftovers_after_the_next_run=(),
            processes_left=len(left_behind(mark)),
            seconds_to_end=round(time.monotonic() - sent, 2),
            stderr=log.read_text()[-3000:],
            wrong=(),
        )
        self._scenario.clean()
        fate = replace(fate, leftovers_after_the_next_run=tuple(self._scenario.leftovers()))
        return replace(fate, wrong=tuple(_wrong(fate, ending)))


def _wrong(fate: Fate, ending: Ending) -> list[str]:
    """Everything that must not be."""
    signalled = ending.number == signal.SIGKILL
    allowed = {0, -signal.SIGKILL} if signalled else {0, 128 + ending.number, -ending.number}
    killed = fate.status == -signal.SIGKILL
    if fate.in_pythons_own_start:
        return ["a mixture"] if fate.found == MIXTURE else []
    checks = {
        "a mixture": fate.found == MIXTURE,
        f"exit status {fate.status}": fate.status not in allowed,
        "a success without an output": fate.status == 0 and fate.found != "new",
        "a traceback": "Traceback" in fate.stderr,
        "leftovers of a run that was not killed": bool(fate.leftovers) and fate.status >= 0,
        "leftovers after the next run": bool(fate.leftovers_after_the_next_run),
        "processes left": fate.processes_left > 0,
        "no message": not killed and fate.status > 0 and "error: interrupted" not in fate.stderr,
    }
    return [name for name, is_so in checks.items() if is_so]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=SCENARIOS)
    parser.add_argument("--runs", type=int, default=100, help="so many that a signal ended in time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help="write what was found into this JSON file")
    parser.add_argument(
        "--bundle", type=Path, help="for verify and package; without it one is made, which takes a minute"
    )
    parser.add_argument("--forked", action="store_true", help="start from a process that has imported everything")
    parser.add_argument("--only", action="append", choices=[each.number.name for each in ENDINGS])
    chosen = parser.parse_args(arguments)
    endings = [each for each in ENDINGS if not chosen.only or each.number.name in chosen.only]
    place = Path(tempfile.mkdtemp(prefix="levit-edge-faults-"))
    os.environ |= {"LEVIT_EDGE_CACHE": str(place / "cache"), "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"}
    try:
        start = forked if chosen.forked else program
        scenario = SCENARIOS[chosen.command]()
        fates = run_all(scenario, place, endings, chosen.runs, chosen.seed, bundle=chosen.bundle, start=start)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    summary = summarise(fates)
    command = f"python -m tests.faults {' '.join(sys.argv[1:])}"
    record = {"command": command, "host": describe_host(), "platform": platform.platform(), "summary": summary}
    if chosen.record is not None:
        chosen.record.write_text(json.dumps(record | {"runs": [vars(fate) for fate in fates]}, indent=1) + "\n")
    print(json.dumps(record, indent=1))
    return 1 if summary["wrong"] else 0


def run_all(
    scenario: Scenario,
    place: Path,
    endings: Sequence[Ending],
    runs: int,
    seed: int,
    *,
    bundle: Path | None = None,
    start: Start = program,
) -> list[Fate]:
    """Until `runs` were ended in time; moments, endings and whether there is an old output follow from `seed`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with it ignored,
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup with this, and what we start would inherit that
    chance, fates = random.Random(seed), list[Fate]()
    scenario.set_up(place, bundle)
    run, number, share = Run(scenario, place, start), 0, 1.0
    while sum(fate.after_s is not None for fate in fates) < runs:
        old = chance.random() < 0.5
        scenario.before(old=old)
        moment = choose_moment(chance, share * scenario.duration_s, scenario.lines, scenario.files)
        fates.append(fate := run.once(moment, chance.choice(endings), old=old))
        if fate.after_s is None and moment.line is None and moment.file is None:
            share = max(0.2, 0.9 * share)  # it takes less long than it did
        number += 1
        print(f"{number}: {fate.ending}, {fate.moment}: {fate.status}, {fate.found} {fate.wrong}", file=sys.stderr)
    return fates


def summarise(fates: list[Fate]) -> dict[str, Any]:
    """Counts."""
    ended = [fate for fate in fates if fate.after_s is not None]
    return {
        "runs": len(fates),
        "ended by a signal": dict(Counter(fate.ending for fate in ended)),
        "exit statuses": {str(status): count for status, count in Counter(fate.status for fate in ended).items()},
        "had an old output": dict(Counter(fate.found for fate in ended if fate.had_old)),
        "had none": dict(Counter(fate.found for fate in ended if not fate.had_old)),
        "in Python's own start": sum(fate.in_pythons_own_start for fate in ended),
        "with leftovers": sum(bool(fate.leftovers) for fate in ended),
        "with leftovers after the next run": sum(bool(fate.leftovers_after_the_next_run) for fate in fates),
        "processes left": sum(fate.processes_left for fate in fates),
        "longest time to end, s": max((fate.seconds_to_end for fate in ended), default=0),
        "wrong": dict(Counter(each for fate in fates for each in fate.wrong)),
    }


if __name__ == "__main__":
    sys.exit(main())

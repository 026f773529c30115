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

__all__ = ["Outcome", "Run", "main", "run_all", "summarise"]

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
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

    def once(self, moment: Moment, ending: Ending, *, old: bool) -> Outcome:
        """Start it where the scenario is prepared, end it, and look."""
        mark, log, out = os.urandom(8).hex(), self._place / "stderr.log", self._place / "stdout.log"
        for path in (log, out):
            path.write_bytes(b"")
        pid, wait = self._start(self._scenario.command(), self._place, mark)
        victim = Victim(pid, log, self._place)
        after_s = victim.end_at(moment, ending)
        sent = time.monotonic()
        status = wait()
        outcome = Outcome(
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
        outcome = replace(outcome, leftovers_after_the_next_run=tuple(self._scenario.leftovers()))
        return replace(outcome, wrong=tuple(_wrong(outcome, ending)))


def _wrong(outcome: Outcome, ending: Ending) -> list[str]:
    """Everything that must not be."""
    signalled = ending.number == signal.SIGKILL
    allowed = {0, -signal.SIGKILL} if signalled else {0, 128 + ending.number, -ending.number}
    killed = outcome.status == -signal.SIGKILL
    if outcome.in_pythons_own_start:
        return ["a mixture"] if outcome.found == MIXTURE else []
    checks = {
        "a mixture": outcome.found == MIXTURE,
        f"exit status {outcome.status}": outcome.status not in allowed,
        "a success without an output": outcome.status == 0 and outcome.found != "new",
        "a traceback": "Traceback" in outcome.stderr,
        "leftovers of a run that was not killed": bool(outcome.leftovers) and outcome.status >= 0,
        "leftovers after the next run": bool(outcome.leftovers_after_the_next_run),
        "processes left": outcome.processes_left > 0,
        "no message": not killed and outcome.status > 0 and "error: interrupted" not in outcome.stderr,
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
        outcomes = run_all(scenario, place, endings, chosen.runs, chosen.seed, bundle=chosen.bundle, start=start)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    summary = summarise(outcomes)
    command = f"python -m tests.faults {' '.join(sys.argv[1:])}"
    record = {"command": command, "host": describe_host(), "platform": platform.platform(), "summary": summary}
    if chosen.record is not None:
        chosen.record.write_text(
            json.dumps(record | {"runs": [vars(outcome) for outcome in outcomes]}, indent=1) + "\n"
        )
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
) -> list[Outcome]:
    """Until `runs` were ended in time; moments, endings and whether there is an old output follow from `seed`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with it ignored,
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup with this, and what we start would inherit that
    chance, outcomes = random.Random(seed), list[Outcome]()
    scenario.set_up(place, bundle)
    run, number, share = Run(scenario, place, start), 0, 1.0
    while sum(outcome.after_s is not None for outcome in outcomes) < runs:
        old = chance.random() < 0.5
        scenario.before(old=old)
        moment = choose_moment(chance, share * scenario.duration_s, scenario.lines, scenario.files)
        outcomes.append(outcome := run.once(moment, chance.choice(endings), old=old))
        if outcome.after_s is None and moment.line is None and moment.file is None:
            share = max(0.2, 0.9 * share)  # it takes less long than it did
        number += 1
        print(
            f"{number}: {outcome.ending}, {outcome.moment}: {outcome.status}, {outcome.found} {outcome.wrong}",
            file=sys.stderr,
        )
    return outcomes


def summarise(outcomes: list[Outcome]) -> dict[str, Any]:
    """Counts."""
    ended = [outcome for outcome in outcomes if outcome.after_s is not None]
    return {
        "runs": len(outcomes),
        "ended by a signal": dict(Counter(outcome.ending for outcome in ended)),
        "exit statuses": {str(status): count for status, count in Counter(outcome.status for outcome in ended).items()},
        "had an old output": dict(Counter(outcome.found for outcome in ended if outcome.had_old)),
        "had none": dict(Counter(outcome.found for outcome in ended if not outcome.had_old)),
        "in Python's own start": sum(outcome.in_pythons_own_start for outcome in ended),
        "with leftovers": sum(bool(outcome.leftovers) for outcome in ended),
        "with leftovers after the next run": sum(bool(outcome.leftovers_after_the_next_run) for outcome in outcomes),
        "processes left": sum(outcome.processes_left for outcome in outcomes),
        "longest time to end, s": max((outcome.seconds_to_end for outcome in ended), default=0),
        "wrong": dict(Counter(each for outcome in outcomes for each in outcome.wrong)),
    }


if __name__ == "__main__":
    sys.exit(main())

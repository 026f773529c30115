"""A sweep as a table that fits 80 columns."""

from collections.abc import Iterable, Iterator

from rich.console import Console

from levit_edge.bundle.kinds import Runtime
from levit_edge.cli.show.fitting_table import decimal, print_table
from levit_edge.cli.terminal.console import say
from levit_edge.device.file_kinds import passed_over_words
from levit_edge.sweep.outcome.choice import gate_checks, too_few_images
from levit_edge.sweep.outcome.results import Candidate, SweepResults
from levit_edge.sweep.plan import Gates
from levit_edge.text import are, counted, listed, shortened, text

__all__ = ["sweep_table"]

HEADINGS = ("recipe", "MiB", "top-1 %", "top-1 of", "drop pt", "agree %", "SQNR dB", "ms", "")
DIGITS = (2, 2, 2, 2, 2, 1, 2)
SPARE = ("MiB", "agree %", "top-1 %", "SQNR dB")
AMONG = "top-1 of"
"""That of the classes alone that the images have, whose number is behind it."""
LONGEST_RECIPE = 28
LONGEST_TEXT = 2000
MOST_PROBLEMS = 20


def sweep_table(results: SweepResults, console: Console) -> None:
    """Print the candidates of each checkpoint, what failed, and which checkpoints have no winner.

    The figures are those of the runtime that the plan compares; a missed gate of the other one's file names the file.
    """
    timed, present = any(each.latency for each in results.candidates), results.classes_present
    absent = [heading for heading, is_there in (("ms", timed), (AMONG, present)) if not is_there]
    shown = [place for place, heading in enumerate(HEADINGS) if heading not in absent]
    headings = [f"{AMONG} {present}" if HEADINGS[place] == AMONG else HEADINGS[place] for place in shown]
    groups = {
        text(name, LONGEST_TEXT): [[row[place] for place in shown] for row in _rows(results, candidates)]
        for name, candidates in results.by_checkpoint.items()
    }
    print_table(console, headings, groups, left=("recipe", ""), spare=SPARE)
    _print_problems(results, console)
    for why, names in results.poor_fp32.items():
        say(
            f"{listed([text(each, LONGEST_TEXT) for each in names])}: warning: {why}", "bold red", to=console, wrap=True
        )
    for why, names in results.not_run.items():
        whose = listed([text(each, LONGEST_TEXT) for each in names], 3)
        say(f"{whose}: not run: {text(why, LONGEST_TEXT)}.", "yellow", to=console, wrap=True)
    for name, candidates in results.by_checkpoint.items():
        if not any(each.winner for each in candidates):
            say(f"{text(name, LONGEST_TEXT)}: no winner", "yellow", to=console)
    if unsure := too_few_images(results):
        say(text(unsure, LONGEST_TEXT), "yellow", to=console, wrap=True)
    for source, counts in results.passed_over.items():
        say(f"{text(source, LONGEST_TEXT)}: {text(passed_over_words(counts), LONGEST_TEXT)}", to=console)
    say(f"The figures are of the int8 files for {results.plan.winner.runtime}.", to=console)
    if present:
        say(f"{AMONG} {present}: among the classes that the images have alone, percent.", to=console)
    for sentence, names in results.pairings.items():
        whose = "" if len(results.pairings) == 1 else f"{listed([text(each, LONGEST_TEXT) for each in names])}: "
        say(f"{whose}{sentence}", to=console)


def _rows(results: SweepResults, candidates: Iterable[Candidate]) -> Iterator[tuple[str, ...]]:
    runtime = results.plan.winner.runtime
    for each in candidates:
        cells = map(decimal, _values(each, runtime), DIGITS)
        recipe = shortened(text(each.recipe, LONGEST_TEXT), LONGEST_RECIPE)
        yield recipe, *cells, _verdict(each, results.plan.gates, runtime)


def _values(candidate: Candidate, runtime: Runtime) -> tuple[float | None, ...]:
    file = candidate.artifact(runtime)
    if file is None:
        return (None,) * len(DIGITS)
    found, ms, among = candidate.figures(file), candidate.latency_ms(file), candidate.top1_among_present(file)
    return file.size_bytes / 2**20, found.top1, among, found.drop_pt, found.agreement, found.sqnr_db, ms


def _verdict(candidate: Candidate, gates: Gates, runtime: Runtime) -> str:
    shown = candidate.artifact(runtime)
    missed: dict[str, list[str]] = {}
    for check in gate_checks(candidate, gates):
        if check.kept is False:
            missed.setdefault(check.gate, []).append(check.file)
    words = ["wins"] if candidate.winner else ["front"] if runtime in candidate.front else []
    if candidate.problems:
        words.append("failed")
    gates_missed = [
        gate if shown is not None and shown.file in files else f"{gate} ({text(files[0], LONGEST_RECIPE)})"
        for gate, files in missed.items()
    ]
    return ", ".join([*words, *(["misses " + ", ".join(gates_missed)] if missed else [])])


def _print_problems(results: SweepResults, console: Console) -> None:
    """Each problem once, with the candidates that have it."""
    found = results.problems
    for problem, names in list(found.items())[:MOST_PROBLEMS]:
        shown = listed([text(each, LONGEST_TEXT) for each in names], 1, longest=LONGEST_TEXT)
        say(f"{shown}: {text(problem, LONGEST_TEXT)}", "red", to=console)
    if len(found) > MOST_PROBLEMS:
        more = len(found) - MOST_PROBLEMS
        say(f"{counted(more, 'more problem')} {are(more)} in results.json", "red", to=console)

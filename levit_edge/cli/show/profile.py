"""How profiles are printed: times by block and by operator, files beside each other, and what the profiler cost."""

from collections.abc import Sequence
from functools import partial

from rich.console import Console

from levit_edge.benchmark.profile import Profile
from levit_edge.benchmark.profile_table import ProfileTable, errors, profile_tables
from levit_edge.cli.show.fitting_table import print_table
from levit_edge.cli.terminal.console import say
from levit_edge.text import counted

__all__ = ["print_profiles"]

PART = "part"


def print_profiles(profiles: Sequence[Profile], console: Console) -> None:
    """Print those with times by number of threads, and once each why others have none."""
    line = partial(say, to=console, wrap=True)
    for table in profile_tables(profiles):
        line(f"where the time goes, {counted(table.threads, 'thread')}: milliseconds of one image", style="bold")
        _print(table, console)
        for each in table.profiles:
            line(each.reliability, style="" if each.holds else "yellow")
        for each in table.profiles:
            if not each.by_block():
                line(f"{each.artifact} is not built as this network is: no times by block", style="yellow")
    for error, files in errors(profiles).items():
        line(f"no profile of {', '.join(files)}: {error}", style="yellow")


def _print(table: ProfileTable, console: Console) -> None:
    totals = [each.total_ms for each in table.profiles]
    groups = {
        title: [(name, *map(_cell, times, totals)) for name, times in rows] for title, rows in table.groups.items()
    }
    print_table(console, (PART, *(each.artifact for each in table.profiles)), groups, left=(PART,))


def _cell(ms: float | None, total: float) -> str:
    return "–" if ms is None else f"{ms:.3f} {100 * ms / total if total else 0:3.0f} %"

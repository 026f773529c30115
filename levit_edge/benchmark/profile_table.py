"""Profiles as tables: files beside each other, by block, by operator and by kind of operator."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from levit_edge.benchmark.profile import Profile, by_kind

__all__ = ["ProfileTable", "errors", "profile_tables"]

Row = tuple[str, tuple[float | None, ...]]
"""What it is of, and milliseconds of each file; None where it has none of that."""


@dataclass(frozen=True, kw_only=True)
class ProfileTable:
    """The profiles with one number of threads, beside each other."""

    threads: int
    profiles: tuple[Profile, ...]
    groups: dict[str, list[Row]]
    """Title -> rows; without `by block` where a file's blocks are not known."""


def profile_tables(profiles: Sequence[Profile]) -> list[ProfileTable]:
    """One for each number of threads, of the profiles that have times."""
    counts = dict.fromkeys(each.threads for each in profiles if each.parts)
    return [_table([each for each in profiles if each.threads == count and each.parts]) for count in counts]


def errors(profiles: Iterable[Profile]) -> dict[str, list[str]]:
    """Why there are no times -> the files that have none, each once."""
    found: dict[str, dict[str, None]] = {}
    for each in profiles:
        if each.error:
            found.setdefault(each.error, {})[each.artifact] = None
    return {error: [*files] for error, files in found.items()}


def _table(timed: Sequence[Profile]) -> ProfileTable:
    blocks = [each.by_block() for each in timed]
    groups = {"by block": _beside(blocks)} if all(blocks) else {}
    groups |= {
        "by operator": _beside([each.by(lambda part: part.operator) for each in timed]),
        "by kind of operator": _beside([by_kind(each) for each in timed]),
        "together": _beside([{"all operators": each.total_ms} for each in timed]),
    }
    return ProfileTable(threads=timed[0].threads, profiles=tuple(timed), groups=groups)


def _beside(times: Sequence[Mapping[str, float]]) -> list[Row]:
    """Each name in the order of the longest, with what each has."""
    longest = max(times, key=len)
    names = dict.fromkeys((*longest, *(name for each in times for name in each)))
    return [(name, tuple(each.get(name) for each in times)) for name in names]

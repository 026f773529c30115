"""Finds what a table needs, in an order that an interruption leaves useful, and reads it back."""

from collections.abc import Sequence

from benchmarks.arm.measuring import Measuring, up_to_date
from benchmarks.arm.results import Accuracy, Counted, Made, Row, Timed
from benchmarks.arm.store import Store
from benchmarks.speed.contender import Contender

__all__ = ["known_rows", "measure"]

NOT_MADE = Made()
OLDER = Made(reason="made by other code of levit-edge's than today's, and not made anew yet")


def measure(chosen: Sequence[Contender], measuring: Measuring, cpus: Sequence[str]) -> None:
    """What takes seconds first, emulated images last; by processor, so that an interruption leaves whole columns."""
    made = measuring.made(chosen)
    able = [each for each in chosen if not made[each.key].reason]
    for each in able:
        if not each.float16:
            measuring.accuracy(each, made[each.key])
    for each in able:
        measuring.timed(each, made[each.key])
    for cpu in cpus:
        for each in able:
            measuring.counted(each, made[each.key], cpu)
    for each in able:
        if each.float16:
            measuring.accuracy(each, made[each.key])


def known_rows(chosen: Sequence[Contender], store: Store, cpus: Sequence[str]) -> tuple[Row, ...]:
    """A row for each of the `chosen` with what was found so far; nothing is found of a file that was not made."""
    return tuple(_row(each, store, cpus) for each in chosen)


def _row(contender: Contender, store: Store, cpus: Sequence[str]) -> Row:
    key = contender.key
    kept = store.known(f"{key}.file", Made)
    made = NOT_MADE if kept is None else kept if up_to_date(kept, contender) else OLDER
    there = bool(made.file)
    counts = {cpu: store.known(f"{key}.{cpu}", Counted) for cpu in cpus if there}
    return Row(
        name=contender.name,
        runtime=contender.engine,
        precision=contender.precision,
        float16=contender.float16,
        made=made,
        accuracy=store.known(f"{key}.accuracy", Accuracy) if there else None,
        timed=store.known(f"{key}.time", Timed) if there else None,
        counts={cpu: found for cpu, found in counts.items() if found},
    )

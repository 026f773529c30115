"""Names what a pickle would import, by reading its instructions without ever running one."""

import io
import pickletools
from collections.abc import Iterator

__all__ = ["is_pickle", "pickle_globals"]

SCANNED_BYTES = 1 << 20
"""A checkpoint's imports stand in its first kilobytes; this also bounds the time spent on a hostile file."""
PICKLES_IN_A_ROW = 4
"""PyTorch before 1.6 wrote a magic number, a version and the system in front of the checkpoint, each a pickle."""


def _instructions(data: bytes) -> Iterator[tuple[str, object]]:
    """(opcode name, argument) of the pickles in a row at the start of `data`, up to a byte that is no instruction."""
    stream = io.BytesIO(data[:SCANNED_BYTES])
    try:
        for _ in range(PICKLES_IN_A_ROW):
            for opcode, argument, _ in pickletools.genops(stream):
                yield opcode.name, argument
    except ValueError:  # UnicodeDecodeError included: not a pickle, or cut off here
        return


def is_pickle(data: bytes) -> bool:
    """Whether `data` starts with a whole pickle."""
    return any(opcode == "STOP" for opcode, _ in _instructions(data))


def pickle_globals(data: bytes) -> list[str]:
    """The dotted names that a pickle would import, in order of appearance, each once.

    Protocol 4 takes them from strings pushed before; those are followed through the memo as far as naming needs it.
    """
    names: dict[str, None] = {}
    strings: list[str] = []
    memo: dict[object, str | None] = {}
    top: str | None = None
    for opcode, argument in _instructions(data):
        if opcode in ("GLOBAL", "INST"):
            names[str(argument).replace(" ", ".")] = None
        elif opcode == "STACK_GLOBAL" and len(strings) >= 2:
            names[".".join(strings[-2:])] = None
        if opcode == "MEMOIZE" or opcode.endswith("PUT"):
            memo[len(memo) if argument is None else argument] = top
            continue
        top = memo.get(argument) if opcode.endswith("GET") else argument if isinstance(argument, str) else None
        strings += [top] if top is not None else []
    return list(names)

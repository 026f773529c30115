"""Several boards at once: who they are, and all of them measured side by side, each one's work in sequence.

`fleet.toml`:

    [[board]]
    on = "ssh://pi@raspberrypi.local"
    threads = [1, 4]                    # optional, as --threads
    python = "/opt/python/bin/python3"  # optional, as --python
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, TypeVar

from levit_edge.documents import Between, Length, from_json, read_toml
from levit_edge.errors import BoardError, LevitEdgeError

__all__ = ["Board", "read_fleet", "side_by_side"]

T = TypeVar("T")
MOST_COUNTS = 100
HERE, EMULATED = ("local", "web"), "qemu"
"""Kinds of targets that compute on this computer: timed, and without times that mean anything."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """One entry of a fleet."""

    on: str
    threads: Annotated[tuple[Annotated[int, Between(1)], ...], Length(1, MOST_COUNTS)] | None = None
    python: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Fleet:
    board: tuple[Board, ...]


def read_fleet(path: Path) -> tuple[Board, ...]:
    """The boards of a fleet file.

    Raises:
        BoardError: it cannot be read, or is not a list of boards.
    """
    boards = from_json(_Fleet, read_toml(path, BoardError, "the fleet"), BoardError, f"the fleet {path}").board
    if not boards:
        raise BoardError(
            f'the fleet {path} names no board, expected one [[board]] with `on = "ssh://…"` for each board.'
        )
    return boards


def side_by_side(boards: Sequence[Board], work: Callable[[Board], T]) -> list[T | LevitEdgeError]:
    """What `work` made of each board, all at once, or why it failed, which does not stop the others.

    What is timed on this computer comes one after the other, and what is emulated on it comes afterwards: together they
    would be slower. On Ctrl-C all is left at once: with this process its connections end, and so do the agents at their
    other ends.
    """
    outcomes: dict[int, T | LevitEdgeError] = {}
    faults: list[BaseException] = []

    def attempt(index: int) -> None:
        try:
            outcomes[index] = work(boards[index])
        except LevitEdgeError as error:
            outcomes[index] = error
        except (Exception, SystemExit) as error:  # raised again where it is seen
            faults.append(error)

    _run([_kind(each) for each in boards], attempt)
    if faults:
        raise faults[0]
    return [outcomes[index] for index in range(len(boards))]


def _kind(board: Board) -> str:
    return board.on.partition(":")[0]


def _run(kinds: Sequence[str], attempt: Callable[[int], None]) -> None:
    """Let all be attempted, by their numbers."""
    here = [index for index, kind in enumerate(kinds) if kind in HERE]
    others = [index for index, kind in enumerate(kinds) if kind not in HERE]
    quiet = Event()

    def attempt_here() -> None:
        try:
            for index in here:
                attempt(index)
        finally:
            quiet.set()

    def attempt_other(index: int) -> None:
        if kinds[index] == EMULATED:
            quiet.wait()
        attempt(index)

    if not others or len(kinds) == 1:  # in this thread, which Ctrl-C lets clean up
        attempt_here()
        for index in others:
            attempt(index)
        return
    threads = [Thread(target=attempt_here, daemon=True)]
    threads += [Thread(target=attempt_other, args=[index], daemon=True) for index in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

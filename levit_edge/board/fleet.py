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
from threading import Thread
from typing import Annotated, TypeVar

from levit_edge.documents import Between, Length, from_json, read_toml
from levit_edge.errors import BoardError, LevitEdgeError

__all__ = ["Board", "read_fleet", "side_by_side"]

T = TypeVar("T")
MOST_COUNTS = 100


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

    On Ctrl-C it is left at once: with this process its connections end, and so do the agents at their other ends.
    """
    outcomes: dict[int, T | LevitEdgeError] = {}
    faults: list[Exception] = []

    def attempt(index: int, board: Board) -> None:
        try:
            outcomes[index] = work(board)
        except LevitEdgeError as error:
            outcomes[index] = error
        except Exception as error:  # raised again where it is seen
            faults.append(error)

    if len(boards) == 1:  # in this thread, which Ctrl-C lets clean up
        attempt(0, boards[0])
    else:
        threads = [Thread(target=attempt, args=each, daemon=True) for each in enumerate(boards)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]
    return [outcomes[index] for index in range(len(boards))]

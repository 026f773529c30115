"""Several boards at once: who they are, and all of them measured side by side, each one's work in sequence.

`fleet.toml`:

    [[board]]
    on = "ssh://pi@raspberrypi.local"
    threads = [1, 4]                    # optional, as --threads
    python = "/opt/python/bin/python3"  # optional, as --python
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Generic, TypeVar

from levit_edge.documents import from_json
from levit_edge.errors import BoardError, LevitEdgeError

__all__ = ["Board", "Outcome", "read_fleet", "side_by_side"]

T = TypeVar("T")
LARGEST_FILE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Board:
    """One entry of a fleet."""

    on: str
    threads: tuple[int, ...] | None = None
    python: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Fleet:
    board: tuple[Board, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[T]):
    """What came of one board: a result, or why there is none."""

    board: Board
    result: T | None = None
    error: LevitEdgeError | None = None


def read_fleet(path: Path) -> tuple[Board, ...]:
    """The boards of a fleet file.

    Raises:
        BoardError: it cannot be read, or is not a list of boards.
    """
    expected = 'expected one [[board]] with `on = "ssh://user@host"` for each board'
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BoardError(f"the fleet {path} is larger than 1 MiB, {expected}.")
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BoardError(f"the fleet {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"the fleet {path} is not TOML ({error}), {expected}.") from error
    fleet = from_json(_Fleet, document, BoardError, f"the fleet {path}")
    if not fleet.board:
        raise BoardError(f"the fleet {path} names no board, {expected}.")
    for board in fleet.board:
        if board.threads is not None and (not board.threads or min(board.threads) < 1):
            raise BoardError(
                f"the fleet {path}: {board.on} has the threads {list(board.threads)}, expected numbers from 1."
            )
    return fleet.board


def side_by_side(boards: Sequence[Board], work: Callable[[Board], T]) -> list[Outcome[T]]:
    """Do `work` for all boards at once; one that fails does not stop the others.

    On Ctrl-C it is left at once: with this process its connections end, and so do the agents at their other ends.
    """
    outcomes: dict[int, Outcome[T]] = {}

    def attempt(index: int, board: Board) -> None:
        try:
            outcomes[index] = Outcome(board=board, result=work(board))
        except LevitEdgeError as error:
            outcomes[index] = Outcome(board=board, error=error)
        except Exception as error:  # raised again where it is seen
            faults.append(error)

    faults: list[Exception] = []
    if len(boards) == 1:
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

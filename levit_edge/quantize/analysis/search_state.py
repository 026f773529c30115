"""What a search has found so far, kept after each result, so that an interrupted one goes on where it stopped."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from levit_edge.bundle.manifest import Move, Trial
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage
from levit_edge.documents import from_json, parse_json, to_json
from levit_edge.quantize.kept import DamagedError, Kept, ordered_digest

__all__ = ["SearchState"]

WHAT = "search"


@dataclass(frozen=True, kw_only=True)
class _Document:
    moves: tuple[Move, ...] | None
    trials: tuple[Trial, ...]
    bad: dict[str, str]
    """Search images that cannot be read: number -> why."""


class SearchState:
    """Results of one search on `images`, kept after each of them."""

    def __init__(self, kept: Kept, images: ImageSet) -> None:
        self._kept, self._images, self._key = kept, images, ordered_digest(images)
        self.moves: tuple[Move, ...] | None = None
        self.trials: dict[int, Trial] = {}
        self.bad: tuple[BadImage, ...] = ()
        """Images that no trial could read."""
        kept.recall(WHAT, self._key, self._take)

    def keep_moves(self, moves: tuple[Move, ...]) -> None:
        """Store the order of moves."""
        self.moves = moves
        self._keep()

    def keep_trial(self, trial: Trial, bad: Sequence[BadImage]) -> None:
        """Store one measured choice, and which images could not be read for it."""
        self.trials[trial.moves] = trial
        self.bad = tuple(bad)
        self._keep()

    def _take(self, content: bytes) -> None:
        document = from_json(_Document, parse_json(content, DamagedError, WHAT), DamagedError, WHAT)
        try:
            self.bad = tuple(BadImage(self._images.images[int(number)], why) for number, why in document.bad.items())
        except (ValueError, IndexError) as error:
            raise DamagedError(f"{WHAT}: {error}.") from error
        self.moves = document.moves
        self.trials = {trial.moves: trial for trial in document.trials}

    def _keep(self) -> None:
        numbers = {path: number for number, path in enumerate(self._images.images)}
        document = _Document(
            moves=self.moves,
            trials=tuple(self.trials.values()),
            bad={str(numbers[each.path]): each.reason for each in self.bad},
        )
        self._kept.keep(WHAT, self._key, json.dumps(to_json(document)).encode())

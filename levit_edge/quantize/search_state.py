"""What a search has found so far, in a file beside the output, so that an interrupted one goes on where it stopped."""

import json
from dataclasses import dataclass
from pathlib import Path

from levit_edge.documents import from_json, read_json, to_json
from levit_edge.errors import QuantizationError
from levit_edge.runtime.manifest import Move, Trial

__all__ = ["SearchState"]


@dataclass(frozen=True, kw_only=True)
class _Document:
    inputs: dict[str, str]
    """What the results depend on: name -> digest or text."""
    moves: tuple[Move, ...] | None
    trials: tuple[Trial, ...]


class SearchState:
    """Results of one search, written to `path` after each of them.

    Raises:
        QuantizationError: `path` holds a search of other inputs, or something else; nothing is mixed or overwritten.
    """

    def __init__(self, path: Path, inputs: dict[str, str]) -> None:
        self._path, self._inputs = path, inputs
        self.moves: tuple[Move, ...] | None = None
        self.trials: dict[int, Trial] = {}
        self.resumed = path.exists()
        if self.resumed:
            content = read_json(path, QuantizationError, "the unfinished search (remove it to search anew)")
            what = f"the unfinished search {path} (remove it to search anew)"
            document = from_json(_Document, content, QuantizationError, what)
            self._require_same(document.inputs)
            self.moves = document.moves
            self.trials = {trial.moves: trial for trial in document.trials}

    def keep_moves(self, moves: tuple[Move, ...]) -> None:
        """Store the order of moves."""
        self.moves = moves
        self._write()

    def keep_trial(self, trial: Trial) -> None:
        """Store one measured choice."""
        self.trials[trial.moves] = trial
        self._write()

    def remove(self) -> None:
        """The search is done and its result is safe."""
        self._path.unlink(missing_ok=True)

    def _require_same(self, found: dict[str, str]) -> None:
        names = sorted(found.keys() | self._inputs.keys())
        other = [name for name in names if found.get(name) != self._inputs.get(name)]
        if other:
            raise QuantizationError(
                f"{self._path} is an unfinished search with another {', another '.join(other)}: its results do not"
                " hold for this run. Remove that file to search anew, or give another --output."
            )

    def _write(self) -> None:
        document = _Document(inputs=self._inputs, moves=self.moves, trials=tuple(self.trials.values()))
        partial = self._path.with_name(f"{self._path.name}.partial")
        try:
            partial.write_text(json.dumps(to_json(document), indent=1), encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise QuantizationError(f"{self._path} cannot be written: {error.strerror}.") from error

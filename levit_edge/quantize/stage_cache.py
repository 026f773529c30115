"""The results that `quantize` keeps until it has succeeded: a run of the same inputs goes on from them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import torch

from levit_edge.bundle.kinds import TOOLS
from levit_edge.data.sampling import ordered_digest
from levit_edge.documents import to_json
from levit_edge.errors import LevitEdgeError
from levit_edge.quantize.prepare import Prepared
from levit_edge.system.host import describe_host, package_versions, source_digest
from levit_edge.system.result_cache import ResultCache

__all__ = ["DamagedError", "StageCache", "inputs_of"]

T = TypeVar("T")
Warn = Callable[[str], None]


class DamagedError(LevitEdgeError):
    """A kept result is not what this version writes."""


class StageCache:
    """What an interrupted run of the same `inputs` has left, and what this one leaves if it is interrupted.

    Use it in a `with` statement. It never stops a run: where nothing can be kept, or another run of the same inputs is
    under way, everything is worked out anew. What was taken over it tells `note`, faults `warn`.
    """

    def __init__(
        self, inputs: Mapping[str, str], warn: Warn, folder: Path | None = None, *, note: Warn | None = None
    ) -> None:
        self._results: ResultCache | None = ResultCache(inputs, folder)
        self._open = ExitStack()
        self._warn, self._note = warn, note or warn

    def __enter__(self) -> Self:
        if self._results is not None:
            try:
                self._open.enter_context(self._results)
            except BlockingIOError:
                self._results = None
            except OSError as error:
                self._give_up(self._results, error)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def recall(self, what: str, depends_on: str, decode: Callable[[bytes], T]) -> T | None:
        """The result `what`, `decode`d; `depends_on` is what it depends on besides the inputs. None if there is none.

        `decode` raises DamagedError if it was not given what `keep` was.
        """
        part = None if self._results is None else self._results.read(_name(what, depends_on))
        if part is None:
            return None
        try:
            found = decode(part.content)
        except DamagedError:
            self._warn(f"the {what} kept from an interrupted run is damaged: made anew.")
            return None
        self._note(f"{what} taken from the interrupted run of {_when(part.written)}.")
        return found

    def keep(self, what: str, depends_on: str, content: bytes) -> None:
        """Keep the result `what` for a run that `recall`s it."""
        if self._results is None:
            return
        try:
            self._results.write(_name(what, depends_on), content)
        except OSError as error:
            self._give_up(self._results, error)

    def recalled(
        self,
        what: str,
        make: Callable[[], T],
        *,
        depends_on: str = "",
        encode: Callable[[T], bytes],
        decode: Callable[[bytes], T],
    ) -> T:
        """The result `what`, as `recall` gives it; made by `make` and kept `encode`d if there is none."""
        found = self.recall(what, depends_on, decode)
        if found is None:
            found = make()
            self.keep(what, depends_on, encode(found))
        return found

    def done(self) -> None:
        """The run has succeeded: remove everything."""
        if self._results is not None:
            self._results.done()

    def _give_up(self, results: ResultCache, error: OSError) -> None:
        self._results = None
        self._warn(
            f"{results.path} cannot be used ({error.strerror}): if this run is interrupted, the next begins anew."
            " LEVIT_EDGE_CACHE names another cache folder."
        )


def inputs_of(run: Prepared) -> dict[str, str]:
    """All that a quantized model depends on: weights, images, recipe, preprocessing, software and processor.

    Not what is in float16: who is told to leave that out goes on from what there is.
    """
    return {
        "checkpoint": run.trained.sha256,
        "weights": run.trained.entry or "",
        "config": json.dumps(to_json(run.trained.config)),
        "calibration images": ordered_digest(run.images.calibration),
        "kind of images": "the model's" if run.images.own_images else "another",
        "bad images": "skipped" if run.options.skip_bad_images else "refused",
        "recipe": json.dumps(to_json(replace(run.recipe, float16=False, onnx_float16=False))),
        "preprocessing": json.dumps(to_json(run.preprocessing)),
        "levit-edge": source_digest(),
        "tools": json.dumps(package_versions(TOOLS)),
        "host": json.dumps(describe_host()),
        "arithmetic": f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads",
    }


def _name(what: str, depends_on: str) -> str:
    return f"{what}-{hashlib.sha256(depends_on.encode()).hexdigest()[:16]}"


def _when(written: datetime) -> str:
    today = written.date() == datetime.now().date()
    return f"{written:%H:%M}" if today else f"{written:%Y-%m-%d %H:%M}"

"""What a sweep leaves: tables, a page and the winners' bundles, beside the store of its tasks' results.

results.json     everything, as `levit_edge.sweep.outcome.results` describes it
results.parquet  a row for each file of each candidate; results.csv has the same
sweep.html       the page
bundles/NAME     the winner of each checkpoint
store/           see `levit_edge.sweep.tasks.store`
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from levit_edge.documents import to_json
from levit_edge.errors import OutputError
from levit_edge.sweep.candidates import BuiltCandidate
from levit_edge.sweep.inputs.storage import is_local, locate, location_of, reported
from levit_edge.sweep.outcome.bundles import write_bundle
from levit_edge.sweep.outcome.page import sweep_page
from levit_edge.sweep.outcome.results import SweepResults
from levit_edge.sweep.outcome.saved import RESULTS
from levit_edge.sweep.outcome.table import csv_file, parquet_file
from levit_edge.sweep.tasks.store import Store, write_whole
from levit_edge.system.locks import output_lock

__all__ = ["BUNDLES", "PAGE", "Output"]

PAGE, BUNDLES = "sweep.html", "bundles"


class Output:
    """The place of one sweep, a folder or an fsspec URL."""

    def __init__(self, url: str) -> None:
        self._files, root = locate(url)
        self._root = root.rstrip("/")
        self.url = location_of(self._files, self._root)
        self.store = Store(f"{self.url}/store")
        """The results of tasks."""

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep other runs from writing the folder while the body runs.

        Raises:
            OutputError: it cannot be written, or another run does.
        """
        if not is_local(self._files):
            yield
            return
        folder = Path(self._root)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}. Choose another --output.") from error
        with output_lock(folder, "--output"):
            self.store.remove_partial()  # of a run that was killed
            try:
                yield
            finally:
                self.store.remove_partial()  # of workers that were ended

    def write(self, results: SweepResults, winners: Sequence[BuiltCandidate]) -> None:
        """Write everything but the store, over what an earlier run has left.

        Raises:
            OutputError: it cannot be written.
        """
        for built in winners:
            self._write_bundle(built)
        for name in set(results.by_checkpoint) - {built.candidate.checkpoint for built in winners}:
            self._remove_bundle(name)
        document = json.dumps(to_json(results), indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        for name, content in (
            ("results.parquet", parquet_file(results)),
            ("results.csv", csv_file(results)),
            (PAGE, sweep_page(results).encode("utf-8", "replace")),
            (RESULTS, document),
        ):
            with reported(f"{self.url}/{name} cannot be written", OutputError):
                write_whole(self._files, f"{self._root}/{name}", content)

    def _write_bundle(self, built: BuiltCandidate) -> None:
        name = built.candidate.checkpoint
        if is_local(self._files):
            write_bundle(built, Path(self._root, BUNDLES, name), self.store)
            return
        with TemporaryDirectory(prefix="levit-edge-") as folder:
            bundle = write_bundle(built, Path(folder, name), self.store)
            for path in sorted(bundle.path.iterdir(), key=lambda path: path.name == "manifest.json"):
                with reported(f"{self.url}/{BUNDLES}/{name} cannot be written", OutputError):
                    write_whole(self._files, f"{self._root}/{BUNDLES}/{name}/{path.name}", path.read_bytes())

    def _remove_bundle(self, name: str) -> None:
        """Remove the bundle of a checkpoint that had a winner in an earlier run."""
        path = f"{self._root}/{BUNDLES}/{name}"
        with reported(f"{self.url}/{BUNDLES}/{name} cannot be removed", OutputError):
            if self._files.exists(path):
                self._files.rm(path, recursive=True)

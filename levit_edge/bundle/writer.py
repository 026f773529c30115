"""Writing a bundle: in a hidden folder beside the output, which takes the output's place by rename, or not at all."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.passed_on import without_folders
from levit_edge.bundle.place import MANIFEST_FILE, faults_of, require_output, require_replaceable
from levit_edge.bundle.reader import Bundle, plain_file_name
from levit_edge.documents import UNPAIRED, to_json
from levit_edge.errors import OutputError
from levit_edge.system.atomic import folder_beside, put_in_place, write_synced
from levit_edge.system.signals import interrupts_wait

__all__ = ["BundleWriter", "new_bundle"]


@contextmanager
def new_bundle(output: Path, expected_bytes: int = 0) -> Iterator["BundleWriter"]:
    """A bundle to be filled and committed by the body; what it leaves without that is removed.

    Before the body does any long work: `output` may be replaced, can be written and has `expected_bytes` of free disk,
    other runs are kept from writing it, and what killed ones have left there is removed.

    Raises:
        OutputError: it is not so.
    """
    require_output(output)
    output = output.absolute()
    with ExitStack() as undo:
        with faults_of(output):
            undo.callback(_remove_empty, [parent for parent in output.parents if not parent.exists()])
            output.parent.mkdir(parents=True, exist_ok=True)
            folder = undo.enter_context(folder_beside(output, "--output"))
            free_bytes = shutil.disk_usage(output.parent).free
        if free_bytes < expected_bytes:
            raise OutputError(
                f"{output.parent} has {free_bytes / 2**20:.0f} MiB free, the bundle needs about"
                f" {expected_bytes / 2**20:.0f} MiB. Free some space or choose another --output."
            )
        yield BundleWriter(output, folder)


class BundleWriter:
    """Collects the files of a bundle; `commit` makes it appear whole."""

    def __init__(self, output: Path, folder: Path) -> None:
        self.output, self._folder = output, folder
        self.files: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> str:
        """Write one file and return its SHA-256.

        Raises:
            OutputError: the disk is full or not writable.
        """
        if not plain_file_name(name) or name == MANIFEST_FILE:
            raise OutputError(f"{name!r} cannot be a file of a bundle.")
        self._write(name, data)
        self.files[name] = hashlib.sha256(data).hexdigest()
        return self.files[name]

    def read(self, name: str) -> bytes:
        """The bytes of a file that was added.

        Raises:
            OutputError: it is not there any more, or another.
        """
        with faults_of(self.output):
            data = (self._folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != self.files[name]:
            raise OutputError(f"{self._folder / name} was changed while the bundle was made. Make it again.")
        return data

    def staged(self, manifest: Manifest) -> Bundle:
        """The files so far, readable as a bundle of that manifest before `commit` gives it its place."""
        return Bundle(self._folder, replace(manifest, files=dict(self.files)))

    def commit(self, manifest: Manifest) -> Bundle:
        """Write `manifest` with all files and put the bundle in its place, over an older one if there is one.

        Bundles are passed on: absolute paths in the manifest become what `without_folders` makes of them.

        Raises:
            OutputError: the disk is full or not writable; an older bundle is left as it was.
        """
        manifest = without_folders(replace(manifest, files=dict(self.files)))
        self._write(
            MANIFEST_FILE, json.dumps(to_json(manifest), indent=1, ensure_ascii=False).encode("utf-8", UNPAIRED) + b"\n"
        )
        require_replaceable(self.output)
        with faults_of(self.output), interrupts_wait():
            put_in_place(self._folder, self.output)
        return Bundle(self.output, manifest)

    def _write(self, name: str, data: bytes) -> None:
        with faults_of(self.output):
            write_synced(self._folder / name, data)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # it is in use
            folder.rmdir()

"""What is said of the runtime of pages: that npm fetches it, which takes a while, or that it was not kept."""

import shutil
from pathlib import Path

from levit_edge.cli.terminal.console import show_note

__all__ = ["note_fetch", "note_not_kept"]


def note_fetch(given: Path | None = None) -> None:
    """Say that it will be fetched, if it is neither `given` nor in the cache."""
    from levit_edge.package.web.runtime_files import NPM_PACKAGE, cached_runtime_files

    if given is None and cached_runtime_files() is None and shutil.which("npm") is not None:
        show_note(f"npm fetches {NPM_PACKAGE}, once: 33 MB.")


def note_not_kept(given: Path | None) -> None:
    """Say that what was `given` is not in the cache, if that could not be written."""
    from levit_edge.package.web.runtime_files import cached_runtime_files, runtime_cache

    if given is not None and cached_runtime_files() is None:
        show_note(f"{runtime_cache()} could not be written: give --runtime-files again, or see LEVIT_EDGE_CACHE.")

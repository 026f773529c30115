"""What is said before npm fetches the runtime of pages, which takes a while."""

import shutil
from pathlib import Path

from levit_edge.cli.terminal.console import show_note

__all__ = ["note_fetch"]


def note_fetch(given: Path | None = None) -> None:
    """Say that it will be fetched, if it is neither `given` nor in the cache."""
    from levit_edge.package.web.runtime_files import NPM_PACKAGE, cached_runtime_files

    if given is None and cached_runtime_files() is None and shutil.which("npm") is not None:
        show_note(f"npm fetches {NPM_PACKAGE}, once: 33 MB.")

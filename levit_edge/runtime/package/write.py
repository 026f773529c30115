"""Putting a package in its place, whole or not at all, over an older one only."""

from pathlib import Path

from levit_edge.errors import OutputError
from levit_edge.runtime.package.package import is_package
from levit_edge.whole_file import require_writable, write_whole

__all__ = ["require_replaceable", "write_package"]


def require_replaceable(path: Path) -> None:
    """Refuse to replace anything that is not a package of ours.

    Raises:
        OutputError: something else is at `path`, or it cannot be written.
    """
    require_writable(path, "--output")
    if path.is_symlink() or (path.exists() and not is_package(path)):
        raise OutputError(
            f"{path} exists and is not a package made by levit-edge: nothing was written. Choose another --output."
        )


def write_package(path: Path, data: bytes) -> None:
    """Write a package; an older one stays if that fails.

    Raises:
        OutputError: something that is not a package is at `path`, or it cannot be written.
    """
    require_replaceable(path)
    write_whole(path, data, "--output")

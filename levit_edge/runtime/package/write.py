"""Putting a package and its signature in their places, whole or not at all, over older ones only."""

from pathlib import Path

from levit_edge.errors import OutputError
from levit_edge.runtime.package.package import is_package, read_package_file
from levit_edge.runtime.package.signature import SIGNATURE_BYTES, signature_path
from levit_edge.whole_file import require_writable, write_whole

__all__ = ["require_replaceable", "write_package"]


def require_replaceable(path: Path) -> None:
    """Refuse to replace anything that is not a package of ours, or not a signature where its signature goes.

    Raises:
        OutputError: something else is there, or `path` cannot be written.
    """
    signature = signature_path(path)
    for each, is_ours, kind in (
        (path, is_package, "a package made by levit-edge"),
        (signature, _may_be_signature, "a signature"),
    ):
        require_writable(each, "--output")
        if each.is_symlink() or (each.exists() and not is_ours(each)):
            raise OutputError(f"{each} exists and is not {kind}: nothing was written. Choose another --output.")


def write_package(path: Path, data: bytes, signature: bytes | None = None) -> None:
    """Write a package and its signature; the older package stays if that fails.

    A signature of an older package, of other bytes, does not stay beside one that is not signed.

    Raises:
        OutputError: something else is there, or it cannot be written.
    """
    require_replaceable(path)
    same = path.exists() and read_package_file(path) == data
    write_whole(path, data, "--output")
    if signature is not None:
        write_whole(signature_path(path), signature, "--output")
    elif not same:
        signature_path(path).unlink(missing_ok=True)


def _may_be_signature(path: Path) -> bool:
    return path.stat().st_size == SIGNATURE_BYTES

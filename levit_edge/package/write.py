"""Putting a package and its signature in their places, whole or not at all, over older ones only."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from levit_edge.errors import OutputError
from levit_edge.package.package import is_package, read_package_file
from levit_edge.package.signature import SIGNATURE_BYTES, signature_path
from levit_edge.system.atomic import prepared, remove_abandoned, require_writable, reserved
from levit_edge.system.signals import interrupts_wait

__all__ = ["package_reserved", "require_replaceable", "write_package"]


@contextmanager
def package_reserved(path: Path) -> Iterator[None]:
    """Keep other runs from writing a package and its signature at `path` while the body runs, which is to write them.

    Raises:
        OutputError: something else is there, `path` cannot be written, or another run is about to.
    """
    require_replaceable(path)
    with reserved(path, "--output"):
        remove_abandoned(path.parent, re.escape(signature_path(path).name))
        yield


def require_replaceable(path: Path) -> None:
    """Refuse to replace anything that is not a package of ours, or not a signature where its signature goes.

    Raises:
        OutputError: something else is there, or `path` cannot be written.
    """
    signature = signature_path(path)
    for each, is_ours, kind in (
        (path, is_package, "a package made by levit-edge"),
        (signature, lambda path: path.stat().st_size == SIGNATURE_BYTES, "a signature"),
    ):
        require_writable(each, "--output")
        if each.is_symlink() or (each.exists() and not is_ours(each)):
            raise OutputError(f"{each} exists and is not {kind}: nothing was written. Choose another --output.")


def write_package(path: Path, data: bytes, signature: bytes | None = None) -> None:
    """Write a package and its signature; the older package stays if that fails.

    A signature never lies beside a package of other bytes: an older package's goes before the newer package comes.

    Raises:
        OutputError: something else is there, or it cannot be written.
    """
    require_replaceable(path)
    same = path.exists() and read_package_file(path) == data
    files = {path: data} if signature is None else {path: data, signature_path(path): signature}
    with ExitStack() as stack:
        placing = {each: stack.enter_context(prepared(each, content, "--output")) for each, content in files.items()}
        stack.enter_context(interrupts_wait())
        if not same:
            signature_path(path).unlink(missing_ok=True)
        for each, partial in placing.items():
            partial.replace(each)

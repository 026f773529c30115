"""Writing a file that appears whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from levit_edge.errors import OutputError

__all__ = ["require_writable", "write_whole"]


def require_writable(path: Path, option: str) -> None:
    """Refuse, before any long work, a path that no file can be written to.

    Args:
        path: the file, which may be there.
        option: what the user gave it by, such as `--plot`.

    Raises:
        OutputError: its folder does not exist or is not writable, or something that is not a file is there.
    """
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder, so {path.name} cannot be written there. Create it first.")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is there and is not a file. Choose another {option}.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent} is not writable. Choose another {option}.")


def write_whole(path: Path, data: bytes, option: str) -> None:
    """Write `data` beside `path` and rename; an older file stays if that fails.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Choose another {option}.") from error
    finally:
        with suppress(OSError):
            partial.unlink()

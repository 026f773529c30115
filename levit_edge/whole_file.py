"""Writing a file that appears whole or not at all."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from levit_edge.errors import OutputError
from levit_edge.locking import OutputLock

__all__ = ["prepared", "remove_abandoned", "require_writable", "reserved", "write_whole"]


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


@contextmanager
def reserved(path: Path, option: str) -> Iterator[None]:
    """Keep other runs from writing `path` while the body runs, which is to write it; see `require_writable`.

    Raises:
        OutputError: no file can be written there, or another run is about to.
    """
    require_writable(path, option)
    with OutputLock(path, option):
        remove_abandoned(path.parent, re.escape(path.name))
        yield


def write_whole(path: Path, data: bytes, option: str) -> None:
    """Write `data` beside `path` and rename; an older file stays if that fails.

    Raises:
        OutputError: it cannot be written.
    """
    with prepared(path, data, option) as put_in_place:
        put_in_place()


@contextmanager
def prepared(path: Path, data: bytes, option: str) -> Iterator[Callable[[], None]]:
    """Write `data` beside `path`; what is yielded renames it, else it is removed.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

        def put_in_place() -> None:
            partial.replace(path)

        yield put_in_place
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Choose another {option}.") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def remove_abandoned(folder: Path, name: str) -> None:
    """Remove what killed processes have half written for files in `folder` whose names match the expression `name`."""
    ours = re.compile(rf"\.{name}\.partial-([0-9]{{1,9}})")
    for path in list(folder.iterdir()):
        match = ours.fullmatch(path.name)
        if match is not None and not _is_running(int(match[1])):
            with suppress(OSError):
                path.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's process
        return True
    return True

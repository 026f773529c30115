"""Silence for native libraries that write to standard error while they load."""

import contextlib
import os
import sys
from collections.abc import Iterator

__all__ = ["quiet_native_output"]


@contextlib.contextmanager
def quiet_native_output() -> Iterator[None]:
    """Send file descriptor 2 to nowhere; errors are raised as exceptions all the same."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, not a path
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)

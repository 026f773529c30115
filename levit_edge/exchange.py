"""Two paths swapped in one step: there is no moment at which either is missing."""

import ctypes
import errno
import os
from pathlib import Path

__all__ = ["exchange"]

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def exchange(one: Path, other: Path) -> None:
    """Swap two files or folders of one file system: renameat2(2), Linux 3.15 and glibc 2.28.

    Raises:
        NotImplementedError: the system or the file system cannot.
        OSError: one of the two is missing, or may not be renamed.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        raise NotImplementedError
    paths = (AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other))
    if library.renameat2(*paths, ctypes.c_uint(RENAME_EXCHANGE)) != 0:
        number = ctypes.get_errno()
        if number in {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}:
            raise NotImplementedError
        raise OSError(number, os.strerror(number), str(other))

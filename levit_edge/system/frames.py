"""Messages between a process and its helpers: frames of bytes, each behind its length, through a pipe.

It imports nothing heavy, so that decoding processes start in a few hundredths of a second.
"""

import os
import select
import struct
import threading
from typing import Protocol

__all__ = ["end_with_client", "read_frame", "write_all", "write_frame"]

LENGTH = struct.Struct("<Q")


class Pipe(Protocol):
    """One end of a pipe, unbuffered: nothing lies where `select` does not see it."""

    def fileno(self) -> int:
        """Its descriptor."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill some of `buffer` and say how many bytes; 0 at the end."""

    def write(self, data: memoryview, /) -> int | None:
        """Write some of `data` and say how many bytes."""


def write_frame(pipe: Pipe, payload: bytes) -> None:
    """Send one frame, waiting until the pipe has taken it all.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    write_all(pipe, LENGTH.pack(len(payload)))
    write_all(pipe, payload)


def write_all(pipe: Pipe, data: bytes) -> None:
    """Write everything: the system may take a part, and call that done."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[pipe.write(remaining) or 0 :]


def read_frame(pipe: Pipe, longest: int | None = None) -> bytes | None:
    """Wait for one frame; None at the end of the stream, also if that comes inside a frame.

    A frame of more than `longest` bytes ends the stream too: whoever is at the other end is not to be trusted.
    """
    head = _read(pipe, LENGTH.size)
    if head is None:
        return None
    (length,) = LENGTH.unpack(head)
    return None if longest is not None and length > longest else _read(pipe, length)


def end_with_client() -> None:
    """End this process when nobody can write to its standard input any more, at once and whatever it is doing."""

    def wait() -> None:
        hang_up = select.poll()
        hang_up.register(0, 0)  # POLLHUP is always told
        hang_up.poll()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _read(pipe: Pipe, count: int) -> bytes | None:
    data = bytearray(count)
    remaining = memoryview(data)
    while remaining:
        received = pipe.readinto(remaining)
        if not received:
            return None
        remaining = remaining[received:]
    return bytes(data)

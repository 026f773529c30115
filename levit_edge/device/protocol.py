"""What the two ends of a connection to a board say to each other, and processes and their helpers through pipes.

Messages are frames: eight bytes of length, little-endian, and the payload. A board's request is JSON with a key
`do`, for some followed by frames of bytes; the answer is a frame of JSON, `{"error": {"kind", "message",
"file"}}` if it cannot be done. Between them come `{"progress": …}` and, so that a slow board is not taken for a lost
one, `{"alive": true}`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import IO, Any

GREETING = b"\nlevit-edge agent, protocol 1\n"
"""Comes before the first frame: login shells may print before it."""
LENGTH = struct.Struct("<Q")
LONGEST_FRAME = 1 << 28
Say = Callable[[dict[str, Any]], None]
Pipe = IO[bytes]
"""One end of a pipe. To write to it must be unbuffered; so must one be that `select` looks at."""


class AgentError(Exception):
    """Something cannot be done on this board; `kind` is one of the words that the host knows, `file` what fails."""

    def __init__(self, kind: str, message: str, file: str | None = None) -> None:
        super().__init__(message)
        self.kind, self.file = kind, file

    def document(self) -> dict[str, Any]:
        """As it is sent."""
        return {"kind": self.kind, "message": str(self)[:2000], "file": self.file}


def write_frame(pipe: Pipe, payload: bytes) -> None:
    """Send one frame, waiting until the pipe has taken it all.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    write_all(pipe, LENGTH.pack(len(payload)))
    write_all(pipe, payload)


def write_all(pipe: Pipe, data: bytes) -> None:
    """Write everything: the system may take a part, as when a disk is nearly full, and call that done."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[pipe.write(remaining) or 0 :]


def read_frame(pipe: Pipe, longest: int = LONGEST_FRAME) -> bytes | None:
    """Wait for one frame; None at the end of the stream, also if that comes inside a frame.

    A frame of more than `longest` bytes ends the stream too: whoever is at the other end is not to be trusted.
    """
    head = _read(pipe, LENGTH.size)
    if head is None:
        return None
    (length,) = LENGTH.unpack(head)
    return None if length > longest else _read(pipe, length)


def _read(pipe: Pipe, count: int) -> bytes | None:
    """So many bytes, of which an unbuffered pipe gives those that are there."""
    parts = []
    while count:
        part = pipe.read(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

"""What the two ends of a connection to a board say to each other, and the two ends of a worker's pipes.

Messages are frames: eight bytes of length, little-endian, and the payload. A request is one frame of JSON with a key
`do`, for some followed by frames of bytes; the answer is a frame of JSON, `{"error": {"kind", "message"}}` if it cannot
be done. Between them come `{"progress": …}` and, so that a slow board is not taken for a lost one, `{"alive": true}`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

GREETING = b"\nlevit-edge agent, protocol 1\n"
"""Comes before the first frame: login shells may print before it."""
LENGTH = struct.Struct("<Q")
LONGEST_FRAME = 1 << 28
Say = Callable[[dict[str, Any]], None]


class AgentError(Exception):
    """Something cannot be done on this board; `kind` is one of the words that the host knows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def document(self) -> dict[str, Any]:
        """As it is sent."""
        return {"kind": self.kind, "message": str(self)[:2000]}


def write_frame(descriptor: int, payload: bytes) -> None:
    """Send one frame."""
    write_all(descriptor, LENGTH.pack(len(payload)))
    write_all(descriptor, payload)


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything: the system may take a part, as when a disk is nearly full, and call that done."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]


def read_frame(stream: BinaryIO) -> bytes | None:
    """Wait for one frame; None at the end of the stream, also if that comes inside a frame."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if length > LONGEST_FRAME:
        return None
    payload = stream.read(length)
    return payload if len(payload) == length else None

"""A decoding process: takes paths on standard input, leaves pixels in shared memory, answers on standard output.

`levit_edge.data.pool` starts it and is its only client. A request is a frame of JSON, `[slot, path]`; the answer is
a frame of JSON, null if the square's pixels now fill that slot, or the reason why the image cannot be read.
Arguments: the descriptor of the shared memory, the length of the resized short side, the side of the square.
It imports Pillow and nothing heavier, and ends when its standard input does.
"""

import errno
import json
import mmap
import sys
from contextlib import suppress
from pathlib import Path

from levit_edge.device.image import crop_square, decoding_fault, open_image
from levit_edge.errors import DataError, MemoryShortageError
from levit_edge.system.frames import end_with_client, read_frame, write_frame

LONGEST_REASON = 200  # characters; answers must fit in the pipe, so that a worker never waits for its reader


def main() -> None:
    """Serve until standard input ends; a client that has gone away ends it as quietly."""
    memory, resize, size = (int(argument) for argument in sys.argv[1:])
    slot_bytes = size * size * 3
    with (
        open(0, "rb", buffering=0) as requests,
        open(1, "wb", buffering=0) as answers,
        mmap.mmap(memory, 0) as pixels,
        suppress(BrokenPipeError),
    ):
        while (request := read_frame(requests)) is not None:
            slot, path = json.loads(request)
            window = slice(slot * slot_bytes, (slot + 1) * slot_bytes)
            try:
                pixels[window] = read_square(Path(path), resize, size)
                reason = None
            except DataError as error:
                reason = decoding_fault(Path(path), error)[:LONGEST_REASON]
            write_frame(answers, json.dumps(reason).encode())


def read_square(path: Path, resize: int, size: int) -> bytes:
    """The (size, size, 3) uint8 pixels of the square that a model sees, row by row."""
    return crop_square(open_image(path), resize, size).tobytes()


if __name__ == "__main__":
    end_with_client()
    try:
        main()
    except (MemoryError, MemoryShortageError):
        sys.exit(errno.ENOMEM)

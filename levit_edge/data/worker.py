"""A decoding process: takes locations on standard input, leaves pixels in shared memory, answers on standard output.

`levit_edge.data.pool` starts it and is its only client. A request is a frame of JSON, `[slot, location]`, the latter as
`levit_edge.data.locations.pack` gives it; the answer is a frame of JSON, null if the square's pixels now fill that
slot, or the reason why the image cannot be read.
Arguments: the descriptor of the shared memory, the length of the resized short side, the side of the square, the
filter, and whether photographs are squashed, and turned the way up that EXIF says, `True` or `False`.
It imports Pillow and nothing heavier, and ends when its standard input does.
"""

import json
import mmap
import sys

from levit_edge.data.locations import image_at, unpack
from levit_edge.device.image import crop_square, decoding_fault
from levit_edge.device.protocol import Pipe, write_frame
from levit_edge.errors import DataError
from levit_edge.system.worker import next_frame, serve

LONGEST_REASON = 200  # characters; answers must fit in the pipe, so that a worker never waits for its reader


def main(requests: Pipe, answers: Pipe) -> None:
    """Serve until the client has gone."""
    memory, resize, size = (int(argument) for argument in sys.argv[1:4])
    interpolation, squash, exif = sys.argv[4], *(argument == str(True) for argument in sys.argv[5:7])
    slot_bytes = size * size * 3
    with mmap.mmap(memory, 0) as pixels:
        while True:
            slot, packed = json.loads(next_frame(requests))
            location = unpack(packed)
            window = slice(slot * slot_bytes, (slot + 1) * slot_bytes)
            try:
                image = image_at(location, exif=exif)
                square = crop_square(image, resize, size, interpolation=interpolation, squash=squash)
                pixels[window] = square.tobytes()
                reason = None
            except DataError as error:
                reason = decoding_fault(location, error)[:LONGEST_REASON]
            write_frame(answers, json.dumps(reason).encode())


if __name__ == "__main__":
    serve(main)

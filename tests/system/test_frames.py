import os
import subprocess
import sys
import time
from collections.abc import Iterator
from io import FileIO
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.system.frames import LENGTH, read_frame, write_frame

Ends = tuple[FileIO, FileIO]


def pipe() -> Ends:
    reading, writing = os.pipe()
    return FileIO(reading, "rb"), FileIO(writing, "wb")


@pytest.fixture
def ends() -> Iterator[Ends]:
    reading, writing = pipe()
    with reading, writing:
        yield reading, writing


@given(st.lists(st.binary(max_size=2000), max_size=10))
def test_frames_arrive_whole_and_in_order(payloads: list[bytes]) -> None:
    reading, writing = pipe()
    with reading:
        with writing:
            for payload in payloads:
                write_frame(writing, payload)
        assert [read_frame(reading) for _ in payloads] == payloads
        assert read_frame(reading) is None


@pytest.mark.timeout(60)
def test_a_frame_may_be_larger_than_the_pipe(ends: Ends) -> None:
    payload = os.urandom(3 * 2**20 + 1)
    writer = Thread(target=write_frame, args=(ends[1], payload))
    writer.start()
    received = read_frame(ends[0])
    writer.join()
    assert received == payload


@pytest.mark.parametrize("part", [LENGTH.pack(5)[:3], LENGTH.pack(5), LENGTH.pack(5) + b"four"])
def test_an_end_inside_a_frame_is_an_end(ends: Ends, part: bytes) -> None:
    ends[1].write(part)
    ends[1].close()
    assert read_frame(ends[0]) is None


def test_writing_to_nobody_is_a_broken_pipe(ends: Ends) -> None:
    ends[0].close()
    with pytest.raises(BrokenPipeError):
        write_frame(ends[1], b"hello")


BUSY = """
import time
from levit_edge.system.frames import end_with_client
end_with_client()
print("busy", flush=True)
while True:
    time.sleep(60)
"""


@pytest.mark.timeout(60)
def test_a_busy_process_ends_with_whoever_could_ask_it() -> None:
    """Requests that it has not read are of no use to anybody."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        process.stdin.write(b"a request")
        process.stdin.flush()
        time.sleep(0.1)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait() == 0

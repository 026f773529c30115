"""Frames, through pipes and cut short."""

import io
import os
from collections.abc import Iterator
from io import FileIO
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.device.protocol import GREETING, LENGTH, LONGEST_FRAME, read_frame, write_frame

Ends = tuple[FileIO, FileIO]


def pipe() -> Ends:
    reading, writing = os.pipe()
    return FileIO(reading, "rb"), FileIO(writing, "wb")


@pytest.fixture
def ends() -> Iterator[Ends]:
    reading, writing = pipe()
    with reading, writing:
        yield reading, writing


def test_the_greeting_is_a_line_of_its_own() -> None:
    assert GREETING.startswith(b"\n")  # a login's last line may have no end
    assert GREETING.endswith(b"\n")


@given(st.lists(st.binary(max_size=2000), max_size=10), st.booleans())
def test_frames_arrive_whole_and_in_order(payloads: list[bytes], buffered: bool) -> None:
    unbuffered, writing = pipe()
    with io.BufferedReader(unbuffered) if buffered else unbuffered as reading:
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


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_frame_that_is_not_whole_is_the_end(payload: bytes, data: st.DataObject) -> None:
    whole = LENGTH.pack(len(payload)) + payload
    part = data.draw(st.integers(0, len(whole) - 1))
    assert read_frame(io.BytesIO(whole[:part])) is None


@pytest.mark.parametrize("part", [LENGTH.pack(5)[:3], LENGTH.pack(5), LENGTH.pack(5) + b"four"])
def test_an_end_inside_a_frame_is_an_end(ends: Ends, part: bytes) -> None:
    ends[1].write(part)
    ends[1].close()
    assert read_frame(ends[0]) is None


def test_a_frame_that_is_too_long_is_the_end() -> None:
    assert read_frame(io.BytesIO(LENGTH.pack(LONGEST_FRAME + 1))) is None
    assert read_frame(io.BytesIO(LENGTH.pack(5) + b"hello"), 4) is None
    assert read_frame(io.BytesIO(LENGTH.pack(5) + b"hello"), 5) == b"hello"


def test_writing_to_nobody_is_a_broken_pipe(ends: Ends) -> None:
    ends[0].close()
    with pytest.raises(BrokenPipeError):
        write_frame(ends[1], b"hello")

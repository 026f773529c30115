"""Frames, through pipes and cut short."""

import io
import os

from hypothesis import given
from hypothesis import strategies as st

from levit_edge.device import protocol


def test_the_greeting_is_a_line_of_its_own() -> None:
    assert protocol.GREETING.startswith(b"\n")  # a login's last line may have no end
    assert protocol.GREETING.endswith(b"\n")


@given(st.lists(st.binary(max_size=2000)))
def test_frames_survive_a_pipe(payloads: list[bytes]) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        for payload in payloads:
            protocol.write_frame(writing, payload)
            assert protocol.read_frame(stream) == payload
        os.close(writing)
        assert protocol.read_frame(stream) is None


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_frame_that_is_not_whole_is_the_end(payload: bytes, data: st.DataObject) -> None:
    whole = protocol.LENGTH.pack(len(payload)) + payload
    part = data.draw(st.integers(0, len(whole) - 1))
    assert protocol.read_frame(io.BytesIO(whole[:part])) is None


def test_a_frame_that_is_too_long_is_the_end() -> None:
    assert protocol.read_frame(io.BytesIO(protocol.LENGTH.pack(protocol.LONGEST_FRAME + 1))) is None

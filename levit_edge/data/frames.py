"""Frames of a camera or a video file, through PyAV, which is FFmpeg's libraries with wheels for x86-64 and ARM.

A file gives every frame in order. A camera gives the newest: who is slower than it sees the world late otherwise, by as
many frames as its driver keeps.
"""

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import numpy as np

from levit_edge.data.preprocess import Pixels
from levit_edge.errors import DataError
from levit_edge.places import found_at, require_file

__all__ = ["Frame", "camera_frames", "require_camera", "require_video", "video_frames"]

INSTALL = "`pip install 'levit-edge[video]'`"
DEVICE = "/dev/video{}"
SYSTEM = "v4l2"
"""What FFmpeg calls Linux's cameras."""
PATIENCE_S = 10
"""For a camera's next frame."""
MICROSECONDS = 1_000_000
LEAST_MISSING_S, LEAST_MISSING = 0.5, 0.02
"""What a video lacks at its end, in seconds and of its length, before it is said: players do not agree on less."""
Turn = dict[int, int]
QUARTERS: Turn = {0: 0, 90: 1, 180: 2, 270: 3}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture of a stream."""

    number: int
    """From 0; a camera's that nobody took are counted."""
    at_s: float
    """Seconds since the first one: by the file, or by the clock."""
    pixels: Callable[[], Pixels]
    """Makes it (H, W, 3) uint8, red, green, blue, the way up that the file says."""


def require_video(path: Path) -> None:
    """Refuse, before anything is loaded, what is no file.

    Raises:
        DataError: it is so.
    """
    require_file(path, "a video", DataError)


def require_camera(number: int) -> None:
    """Refuse a camera that is not there.

    Raises:
        DataError: there is no such device, or the system is not Linux.
    """
    if sys.platform != "linux":
        raise DataError("cameras are read on Linux only (Video4Linux).")
    device = DEVICE.format(number)
    if (found := found_at(Path(device))) == "does not exist":
        there = sorted(each.name.removeprefix("video") for each in Path("/dev").glob("video[0-9]*"))
        what = f"there are --camera {' and '.join(there)}" if there else "no camera is attached, or none has a driver"
        raise DataError(f"{device} {found}: {what}.")


def video_frames(path: Path, *, most: int | None = None) -> Generator[Frame, None, None]:
    """All frames of a file in order, `most` of them at most.

    Raises:
        DataError: PyAV is not installed, or it cannot read the file; behind the frames: there should be more.
    """
    with _opened(str(path), None) as (stream, decoded):
        first, end, count = None, 0.0, 0
        for frame in islice(decoded, most):
            at, lasts = _time(frame, count, stream)
            first = at if first is None else first
            yield Frame(number=count, at_s=at - first, pixels=_pixels(frame))
            end, count = at - first + lasts, count + 1
        if count != most:
            _require_whole(path, end, _length_s(stream))


def _time(frame: Any, number: int, stream: Any) -> tuple[float, float]:
    """When a frame comes and how long it stays, seconds; streams without such marks have their rate."""
    between = 1 / float(stream.average_rate) if stream.average_rate else 0.0
    lasts = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else between
    return float(number * between if frame.time is None else frame.time), lasts


def _length_s(stream: Any) -> float | None:
    """How long its file says that the pictures of a stream go on; of a file's own length sound may have a part."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    container = stream.container
    alone = len(container.streams) == 1 and container.duration
    return container.duration / MICROSECONDS if alone else None


def _require_whole(path: Path, end: float, length: float | None) -> None:
    if length is not None and length - end > max(LEAST_MISSING_S, LEAST_MISSING * length):
        raise DataError(
            f"{path} ends after {end:.1f} s, and says that it has {length:.1f} s: it was cut off, or is damaged there."
        )


def camera_frames(number: int, *, most: int | None = None) -> Generator[Frame, None, None]:
    """The newest frame of a camera, whenever one is asked for, until `most`, or for ever.

    Raises:
        DataError: PyAV is not installed, or the camera cannot be read, or gives nothing any more.
    """
    with _opened(DEVICE.format(number), SYSTEM) as (_, decoded), _newest(decoded) as newest:
        start = time.monotonic()
        for count, frame in islice(newest, most):
            yield Frame(number=count, at_s=time.monotonic() - start, pixels=_pixels(frame))


class _Newest:
    """The last frame that came, each once, with its number; `decode` is for a thread of its own."""

    def __init__(self, decoded: Iterator[Any]) -> None:
        self._decoded, self._came = decoded, Condition()
        self._frame: tuple[int, Any] | None = None
        self._ended: Exception | None = None
        self.wanted = True

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        while True:
            with self._came:
                if not self._came.wait_for(lambda: self._frame or self._ended, PATIENCE_S):
                    raise DataError(f"the camera gave no frame for {PATIENCE_S} s.")
                if self._frame is None:
                    raise self._ended or DataError("the camera has gone.")
                frame, self._frame = self._frame, None
            yield frame

    def decode(self) -> None:
        """Until nobody wants any more, or there are no more: that is told where frames are asked for."""
        ended: Exception = DataError("the camera gives no more frames.")
        try:
            for numbered in enumerate(self._decoded):
                with self._came:
                    self._frame = numbered
                    self._came.notify()
                if not self.wanted:
                    return
        except Exception as error:
            ended = error
        with self._came:
            self._ended = ended
            self._came.notify()


@contextmanager
def _newest(decoded: Iterator[Any]) -> Iterator[_Newest]:
    """A thread that decodes while the body runs; FFmpeg's device must not be closed before it has ended."""
    newest = _Newest(decoded)
    thread = Thread(target=newest.decode, daemon=True)
    thread.start()
    try:
        yield newest
    finally:
        newest.wanted = False
        thread.join(PATIENCE_S)


@contextmanager
def _opened(source: str, system: str | None) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The stream of pictures, and its decoded frames, of a file, or of a device of a `system`."""
    try:
        import av
    except ImportError as error:
        raise DataError(f"videos and cameras are read with PyAV, which is not installed: {INSTALL}.") from error
    try:
        container: Any = av.open(source, format=system)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise DataError(f"{source} cannot be read: {_reason(error)}; expected {_expected(system)}.") from error
    with container:
        if not container.streams.video:
            raise DataError(f"{source}: there are no pictures in it; expected a video.")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield stream, _decoded(container, stream, source, av.FFmpegError)


def _decoded(container: Any, stream: Any, source: str, fault: type[Exception]) -> Iterator[Any]:
    try:
        yield from container.decode(stream)
    except fault as error:
        raise DataError(f"{source} cannot be read to its end: {_reason(error)}.") from error


def _pixels(frame: Any) -> Callable[[], Pixels]:
    def pixels() -> Pixels:
        array: Pixels = frame.to_ndarray(format="rgb24")
        turns = QUARTERS.get(round(getattr(frame, "rotation", 0)) % 360, 0)
        return np.ascontiguousarray(np.rot90(array, turns)) if turns else array

    return pixels


def _expected(system: str | None) -> str:
    return "a video that FFmpeg knows" if system is None else "a camera"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)

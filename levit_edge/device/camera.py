"""Pictures of a camera, through what a board has: picamera2 of Raspberry Pi OS, else OpenCV.

Runs with Python 3.9: packages for boards carry this file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Callable

import numpy as np

from levit_edge.device.errors import DataError

ADVICE = (
    "sudo apt install python3-picamera2 and a venv with --system-site-packages (Raspberry Pi cameras), or pip install"
    " opencv-python-headless (USB cameras)"
)
SIZE = (640, 480)
"""Pixels asked for: more than the model sees, and little to convert. The camera may give others."""
Capture = Callable[[], Any]
"""Waits for the newest picture, (H, W, 3) uint8, red, green, blue."""


def open_camera(number: int) -> AbstractContextManager[Capture]:
    """The camera, which is closed with the context.

    Raises:
        DataError: there is no such camera, or no library for one; by the capture: it gives nothing any more.
    """
    with contextlib.suppress(ImportError):
        from picamera2 import Picamera2

        return _with_picamera2(Picamera2, number)
    with contextlib.suppress(ImportError):
        import cv2

        return _with_opencv(cv2, number)
    raise DataError(f"a camera needs picamera2 or OpenCV, and neither is installed: {ADVICE}.")


@contextlib.contextmanager
def _with_picamera2(kind: Any, number: int) -> Iterator[Capture]:
    found = kind.global_camera_info()
    if number >= len(found):
        raise DataError(f"there is no camera {number}: picamera2 finds {len(found)}. Is its cable in, both ways round?")
    camera = kind(number)
    try:
        # the order of libcamera's names is that of little-endian words: BGR888 is red first
        camera.configure(camera.create_video_configuration(main={"format": "BGR888", "size": SIZE}, buffer_count=2))
        camera.start()
        yield lambda: camera.capture_array("main")
    finally:
        camera.close()


@contextlib.contextmanager
def _with_opencv(cv2: Any, number: int) -> Iterator[Capture]:
    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise DataError(f"there is no camera {number} that OpenCV can open: see ls /dev/video*.")
        for name, value in (("WIDTH", SIZE[0]), ("HEIGHT", SIZE[1])):
            camera.set(getattr(cv2, f"CAP_PROP_FRAME_{name}"), value)
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, where the driver can

        def capture() -> Any:
            there, picture = camera.read()
            if not there:
                raise DataError(f"camera {number} gives no more pictures.")
            return np.ascontiguousarray(picture[..., ::-1])  # blue first

        yield capture
    finally:
        camera.release()

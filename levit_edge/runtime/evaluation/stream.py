"""Classify the frames of a camera or a video, one after the other, and what each of them takes."""

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from PIL import Image

from levit_edge.data.frames import Frame
from levit_edge.data.preprocess import FloatImage, preprocess
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.pool import answers_in_turn
from levit_edge.runtime.evaluation.predict import Guess, Network

__all__ = ["FramePrediction", "frame_predictions"]


@dataclass(frozen=True, kw_only=True)
class FramePrediction:
    """What one frame shows, best guess first."""

    frame: int
    """Its number in the stream, from 0."""
    at_s: float
    """Seconds since the first frame of the stream."""
    guesses: tuple[Guess, ...]
    preprocessing_ms: float
    """From the decoded frame to the model's input, in this process."""
    inference_ms: float
    """In the runtime alone, in another process, meanwhile."""


def frame_predictions(network: Network, frames: Iterable[Frame], *, top: int) -> Generator[FramePrediction, None, None]:
    """What each of the `frames` shows, in order; each comes when the next frame has been preprocessed.

    Raises:
        DataError: the frames cannot be read; behind what those before show.
        RuntimeUnavailableError, BundleError: as `levit_edge.runtime.evaluation.predict.predict`.
    """
    given: deque[tuple[Frame, float]] = deque()
    faults: list[DataError] = []

    def readable() -> Iterator[Frame]:
        try:
            yield from frames
        except DataError as error:  # the last frame is still in the other process
            faults.append(error)

    def inputs() -> Iterator[FloatImage]:
        for frame in readable():
            start = time.perf_counter()
            values = preprocess(Image.fromarray(frame.pixels()), network.preprocessing)
            given.append((frame, 1000 * (time.perf_counter() - start)))
            yield values

    with closing(answers_in_turn(network.model, inputs(), network.preprocessing)) as answered:
        for answer in answered:
            frame, preprocessing_ms = given.popleft()
            yield FramePrediction(
                frame=frame.number,
                at_s=round(frame.at_s, 3),
                guesses=network.guesses(answer.logits[0], top),
                preprocessing_ms=round(preprocessing_ms, 3),
                inference_ms=round(1000 * answer.seconds[0], 3),
            )
    if faults:
        raise faults[0]

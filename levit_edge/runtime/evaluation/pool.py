"""Photographs through model files, in processes of which each decodes and runs all models on its own share.

Processes and not threads: ExecuTorch's bindings hold the interpreter's lock while they compute, so that a second thread
waits (measured on two cores, a busy Python thread beside a running file: 1.00 cores together, with ONNX Runtime 1.62).
They are copies of one that has loaded the models, so that runtimes and models are in memory once
(`levit_edge.system.copies`). An image goes to whichever process is free; answers are handed on in the images' order, so
that sums over them do not depend on the number of processes.
"""

import json
import selectors
import sys
from collections import deque
from collections.abc import Generator, Iterable, Sequence

import numpy as np

from levit_edge.data.loader import default_workers
from levit_edge.data.locations import Location
from levit_edge.data.preprocess import FloatImage, Preprocessing
from levit_edge.device.image import decoding_fault
from levit_edge.documents import to_json
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.evaluator import Answer, Evaluator, Model
from levit_edge.runtime.evaluation.worker import pack_image, unpack_answer
from levit_edge.system import copies
from levit_edge.system.limits import raise_death, raise_fault
from levit_edge.system.worker import Channel, Helper, Helpers

__all__ = ["answers", "answers_in_turn", "default_processes"]

WORKER = "levit_edge.runtime.evaluation.worker"
LIMIT_S = 120
"""For loading a model and running it once, and for one image in all models, before a process ends itself: a thousand
times what it takes."""
AHEAD = 2
"""Images that a process has been given: one at work, one so that it never waits for us."""
FEWEST_IMAGES = 200
"""Fewer are done here before a process has imported ExecuTorch, which takes 1.5 s."""


def default_processes(images: int) -> int:
    """How many processes to use for that many images: as many as decode elsewhere; 0, this one, for a few."""
    return default_workers(images) if images >= FEWEST_IMAGES else 0


def answers(
    models: Sequence[Model], images: Sequence[Location | FloatImage], preprocessing: Preprocessing, processes: int
) -> Generator[Answer | str, None, None]:
    """For each image, in order, what the models made of it, or the reason why it cannot be read.

    An image is where a photograph lies, or an input already, (3, size, size). `processes` of 0 works in this one: for
    models that were made here, as a hostile one can take its process along. Closing the generator ends the processes
    at once. Memory does not grow with the number of images: what is early is a few logits, as many as others finish
    while one process is on its image.

    Raises:
        RuntimeUnavailableError: a runtime is not installed, refuses a file, fails, or took its process along.
        BundleError: a model is not of the form it is to have, or gives logits that are no numbers.
        DataError: a process cannot be started, or was killed; the image that it was on is named.
    """
    if not images:
        return
    if processes == 0:
        yield from _answers_here(models, images, preprocessing)
        return
    with Helpers() as helpers, selectors.DefaultSelector() as selector:
        pool = _copies(helpers, models, preprocessing, min(processes, len(images)))
        for worker in pool:
            selector.register(worker.channel, selectors.EVENT_READ, worker)
        yield from _answers_of(pool, selector, images)


def answers_in_turn(
    model: Model, inputs: Iterable[FloatImage], preprocessing: Preprocessing
) -> Generator[Answer, None, None]:
    """As `answers`, of (3, size, size) inputs that come one at a time: a process runs one while the next is made.

    So each answer comes when the input behind it has been made, the last one at the end.

    Raises:
        RuntimeUnavailableError, BundleError, DataError: as `answers`.
    """
    with Helpers() as helpers:
        (worker,) = _each_for_itself(helpers, [model], preprocessing, 1)
        for numbered in enumerate(inputs):
            if worker.given:
                yield worker.answer_to_input()
            worker.take(numbered)
        if worker.given:
            yield worker.answer_to_input()


def _copies(helpers: Helpers, models: Sequence[Model], preprocessing: Preprocessing, processes: int) -> list["_Worker"]:
    """So many processes that have loaded the models: copies of one, or each for itself where there can be none."""
    if processes == 1 or not sys.platform.startswith("linux"):
        return _each_for_itself(helpers, models, preprocessing, processes)
    helper = copies.start_to_copy(helpers, WORKER, processes)
    _send_models(helper, models, preprocessing)
    _wait_until_open(helper, models)
    pool = [_Worker(channel) for channel in copies.copied(helper)]
    return pool or [_Worker(helper), *_each_for_itself(helpers, models, preprocessing, processes - 1)]


def _each_for_itself(
    helpers: Helpers, models: Sequence[Model], preprocessing: Preprocessing, processes: int
) -> list["_Worker"]:
    started = [helpers.start(WORKER) for _ in range(processes)]
    for helper in started:
        _send_models(helper, models, preprocessing)
    for helper in started:
        _wait_until_open(helper, models)
    return [_Worker(helper) for helper in started]


def _send_models(helper: Helper, models: Sequence[Model], preprocessing: Preprocessing) -> None:
    described = [{"file": each.file, "runtime": each.runtime, "classes": each.classes} for each in models]
    setup = {"preprocessing": to_json(preprocessing), "models": described, "limit_s": LIMIT_S}
    helper.send(json.dumps(setup).encode())
    for model in models:
        helper.send(model.read())


def _wait_until_open(helper: Helper, models: Sequence[Model]) -> None:
    for model in models:
        frame = helper.receive()
        if frame is None:
            raise_death(helper, f"{model.file}: the process that loaded it", "the file")
        if (fault := json.loads(frame)) is not None:
            raise_fault(fault)


def _answers_here(
    models: Sequence[Model], images: Sequence[Location | FloatImage], preprocessing: Preprocessing
) -> Generator[Answer | str, None, None]:
    evaluator = Evaluator(preprocessing)
    for model in models:
        evaluator.add(model)
    for image in images:
        try:
            yield evaluator.answer(image)
        except DataError as error:
            yield decoding_fault(image, error)


def _answers_of(
    pool: Sequence["_Worker"], selector: selectors.BaseSelector, images: Sequence[Location | FloatImage]
) -> Generator[Answer | str, None, None]:
    remaining = iter(enumerate(images))
    early: dict[int, Answer | str] = {}
    for worker in [*pool] * AHEAD:
        worker.take(next(remaining, None))
    for index in range(len(images)):
        while index not in early:
            for key, _ in selector.select():
                done, answer = key.data.answer()
                early[done] = answer
                key.data.take(next(remaining, None))
                if not key.data.given:
                    selector.unregister(key.fileobj)  # its end would look like an answer, and loses nothing
        yield early.pop(index)


class _Worker:
    """One evaluating process and the images that it has been given, oldest first."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.given: deque[tuple[int, Location | FloatImage]] = deque()

    def take(self, numbered: tuple[int, Location | FloatImage] | None) -> None:
        if numbered is not None:
            self.given.append(numbered)
            self.channel.send(pack_image(numbered[1]))

    def answer(self) -> tuple[int, Answer | str]:
        """The number of the oldest image given, and what came of it."""
        index, image = self.given.popleft()
        frame = self.channel.receive()
        if frame is None:
            name = f"input {index}" if isinstance(image, np.ndarray) else image
            raise_death(self.channel, f"{name}: the process that evaluated it", "it or a model file")
        return index, unpack_answer(frame)

    def answer_to_input(self) -> Answer:
        """As `answer`, to what needs no decoding."""
        index, answer = self.answer()
        if isinstance(answer, str):
            raise DataError(f"input {index}: {answer}")
        return answer

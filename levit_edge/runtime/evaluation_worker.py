"""An evaluating process: takes models, then paths, on standard input; answers with logits on standard output.

`levit_edge.runtime.evaluation_pool` starts it and is its only client. Frames in: a JSON object, `preprocessing` and
the `runtimes` of the models; the bytes of each model; then one path after the other, as JSON. Frames out: JSON, null
or why the models cannot be opened; then for each path `pack_answer`'s form of what came of it. It ends when its
standard input does.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from levit_edge.data.frames import Pipe, read_frame, write_frame
from levit_edge.data.image import decoding_fault
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import DataError, RuntimeUnavailableError
from levit_edge.runtime.evaluator import Answer, Evaluator, Model
from levit_edge.runtime.kinds import Runtime

__all__ = ["pack_answer", "unpack_answer"]

LONGEST_REASON = 200  # characters


def main() -> None:
    """Serve until standard input ends; a client that has gone away ends it as quietly."""
    answers_descriptor = os.dup(1)
    os.dup2(2, 1)  # whatever a runtime prints stays out of the answers
    with (
        open(0, "rb", buffering=0) as requests,
        open(answers_descriptor, "wb", buffering=0) as answers,  # noqa: PTH123
        suppress(BrokenPipeError, EOFError),
    ):
        try:
            evaluator = _open(requests)
        except RuntimeUnavailableError as error:
            write_frame(answers, json.dumps(str(error)).encode())
            return
        write_frame(answers, b"null")
        while True:
            write_frame(answers, _answer(evaluator, Path(json.loads(_next(requests)))))


def pack_answer(answer: Answer | str) -> bytes:
    """One line of JSON, the seconds of each model or why the image cannot be read, and the logits' float32 bytes."""
    if isinstance(answer, str):
        return json.dumps(answer).encode() + b"\n"
    return json.dumps(answer.seconds).encode() + b"\n" + answer.logits.astype("<f4", copy=False).tobytes()


def unpack_answer(frame: bytes) -> Answer | str:
    """What `pack_answer` was given."""
    line, _, values = frame.partition(b"\n")
    head: str | list[float] = json.loads(line)
    if isinstance(head, str):
        return head
    logits = np.frombuffer(values, "<f4").astype(np.float32, copy=False).reshape(len(head), -1)
    return Answer(logits=logits, seconds=tuple(head))


def _open(requests: Pipe) -> Evaluator:
    setup = json.loads(_next(requests))
    models = [Model(runtime=Runtime(runtime), data=_next(requests)) for runtime in setup["runtimes"]]
    models.reverse()  # and popped, so that bytes which a runtime has copied do not stay
    opening = (models.pop() for _ in range(len(models)))
    return Evaluator(opening, Preprocessing.from_json(setup["preprocessing"]))


def _answer(evaluator: Evaluator, image: Path) -> bytes:
    try:
        return pack_answer(evaluator.answer(image))
    except DataError as error:
        return pack_answer(decoding_fault(image, error)[:LONGEST_REASON])


def _next(requests: Pipe) -> bytes:
    frame = read_frame(requests)
    if frame is None:
        raise EOFError
    return frame


if __name__ == "__main__":
    main()

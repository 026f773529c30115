"""An evaluating process: takes models, then locations, on standard input; answers with logits on standard output.

`levit_edge.runtime.evaluation.pool` starts it and is its only client. Frames in: a JSON object, `preprocessing`,
the `models` but for their bytes, and `limit_s`, after which it ends by itself; the bytes of each model; then one
`pack_image` after the other. Frames out: JSON for each model, null or a `fault_document`; then for each image
`pack_answer`'s form of what came of it. It ends when its standard input does.

With pipes as arguments it goes on as copies of itself once it has the models; see `levit_edge.system.copies`.
"""

import json
import sys
from typing import Any

import numpy as np

from levit_edge.bundle.kinds import Runtime
from levit_edge.data.locations import Location, pack, unpack
from levit_edge.data.preprocess import FloatImage, Preprocessing
from levit_edge.device.image import decoding_fault
from levit_edge.device.protocol import Pipe, write_frame
from levit_edge.documents import from_json
from levit_edge.errors import DataError, LevitEdgeError
from levit_edge.runtime.evaluation.evaluator import Answer, Evaluator, Model
from levit_edge.system.copies import go_on_as_copies
from levit_edge.system.limits import at_most, fault_document, raise_fault, set_limits
from levit_edge.system.worker import next_frame, serve

__all__ = ["pack_answer", "pack_image", "unpack_answer"]

LONGEST_REASON = 200  # characters


def main(requests: Pipe, answers: Pipe) -> None:
    """Serve until the client has gone."""
    set_limits()
    setup = json.loads(next_frame(requests))
    evaluator = Evaluator(from_json(Preprocessing, setup["preprocessing"], DataError, "the preprocessing"))
    for each in setup["models"]:
        with at_most(setup["limit_s"]):
            fault = _add(evaluator, each, next_frame(requests))
        write_frame(answers, json.dumps(fault).encode())
    go_on_as_copies(sys.argv[1:], answers)
    while True:
        image = _unpack_image(next_frame(requests))
        with at_most(setup["limit_s"]):
            answer = _answer(evaluator, image)
        write_frame(answers, answer)


def pack_image(image: Location | FloatImage) -> bytes:
    """One line of JSON, the location or the shape of what is an input already, and the float32 bytes of that."""
    return _packed(image.shape, image) if isinstance(image, np.ndarray) else _packed(pack(image))


def _unpack_image(frame: bytes) -> Location | FloatImage:
    head, values = _unpacked(frame)
    return unpack(head) if isinstance(head, dict) else values.reshape(head)


def pack_answer(answer: Answer | str | LevitEdgeError) -> bytes:
    """One line of JSON and the logits' float32 bytes.

    The line is whether the image was turned and the seconds of each model, or why the image cannot be read, or what is
    wrong with a model.
    """
    if isinstance(answer, Answer):
        return _packed([answer.turned, *answer.seconds], answer.logits)
    return _packed(fault_document(answer) if isinstance(answer, LevitEdgeError) else answer)


def unpack_answer(frame: bytes) -> Answer | str:
    """What `pack_answer` was given; a `LevitEdgeError` is raised."""
    head, values = _unpacked(frame)
    if isinstance(head, str):
        return head
    if isinstance(head, dict):
        raise_fault(head)
    turned, *seconds = head
    return Answer(logits=values.reshape(len(seconds), -1), seconds=tuple(seconds), turned=turned)


def _packed(head: object, values: FloatImage | None = None) -> bytes:
    return json.dumps(head).encode() + b"\n" + (b"" if values is None else values.astype("<f4", copy=False).tobytes())


def _unpacked(frame: bytes) -> tuple[Any, FloatImage]:
    line, _, values = frame.partition(b"\n")
    return json.loads(line), np.frombuffer(values, "<f4").astype(np.float32)


def _add(evaluator: Evaluator, model: dict[str, Any], data: bytes) -> dict[str, str] | None:
    """Open one model; its bytes do not stay unless the runtime needs them."""
    try:
        evaluator.add(Model(**model | {"runtime": Runtime(model["runtime"])}, read=lambda: data))
    except LevitEdgeError as error:
        return fault_document(error)
    return None


def _answer(evaluator: Evaluator, image: Location | FloatImage) -> bytes:
    try:
        return pack_answer(evaluator.answer(image))
    except DataError as error:
        return pack_answer(decoding_fault(image, error)[:LONGEST_REASON])
    except LevitEdgeError as error:
        return pack_answer(error)


if __name__ == "__main__":
    serve(main)

"""Photographs through a bundle's files, on a board and here."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levit_edge.board.session import Session
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.reader import Bundle
from levit_edge.data.pool import read_squares
from levit_edge.data.preprocess import normalise
from levit_edge.device.normalisation import Pixels, normalisation_table
from levit_edge.runtime.runner import open_runner

Logits = dict[str, NDArray[np.float32]]
"""File -> (images, classes)."""
ROOM = 64 << 20


def int8_alone(bundle: Bundle, *also: str) -> Bundle:
    """The bundle as if it had but int8 files, those without float16 and `also`; fp32 files are slow to emulate."""
    artifacts = tuple(
        each for each in bundle.manifest.artifacts if each.precision is Precision.INT8 or each.file in also
    )
    return Bundle(bundle.path, replace(bundle.manifest, artifacts=artifacts))


def squares_of(bundle: Bundle, images: Sequence[Path]) -> list[Pixels]:
    """What the model sees of each photograph."""
    squares = [
        each.copy() for each in read_squares(images, bundle.manifest.preprocessing, 0) if not isinstance(each, str)
    ]
    assert len(squares) == len(images)
    return squares


def logits_there(bundle: Bundle, transport: Transport, squares: Sequence[Pixels]) -> Logits:
    """By the agent on a board."""
    manifest = bundle.manifest
    preprocessing, size = manifest.preprocessing, manifest.preprocessing.image_size
    with Session(transport, needed_bytes=ROOM) as session:
        for artifact in manifest.artifacts:
            session.put(artifact.file, bundle.read(artifact.file))
        session.ask(
            "open",
            models=[{"file": each.file, "runtime": str(each.runtime)} for each in manifest.artifacts],
            shape=[1, 3, size, size],
            tables=normalisation_table(preprocessing.mean, preprocessing.std).tolist(),
        )
        session.request("infer", count=len(squares))
        session.send_bytes(np.stack(squares).tobytes())
        session.answer()
        payload = session.payload()
    shape = (len(manifest.artifacts), len(squares), manifest.config.classes)
    logits = np.frombuffer(payload, "<f4").astype(np.float32).reshape(shape)
    return {each.file: logits[index] for index, each in enumerate(manifest.artifacts)}


def logits_here(bundle: Bundle, squares: Sequence[Pixels]) -> Logits:
    """By the runtimes of this machine."""
    inputs = [normalise(square, bundle.manifest.preprocessing)[np.newaxis] for square in squares]
    runners = {each.file: open_runner(each.runtime, bundle.read(each.file)) for each in bundle.manifest.artifacts}
    return {file: np.stack([runner.run(image) for image in inputs]) for file, runner in runners.items()}

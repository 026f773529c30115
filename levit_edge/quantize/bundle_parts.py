"""The files of a bundle besides its models: class names, and golden inputs and outputs."""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from levit_edge.data import imagenet
from levit_edge.quantize.artifacts import Checked

__all__ = ["golden_file", "labels_file"]


def labels_file(classes: int, trained: tuple[str, ...] | None, evaluated: tuple[str, ...] | None) -> bytes:
    """`labels.txt`, a line for each of `classes`.

    The names are the checkpoint's own (`trained`), else ImageNet's, else those of the evaluation's folders
    (`evaluated`), else numbers.
    """
    return "".join(f"{label}\n" for label in _labels(classes, trained, evaluated)).encode()


def _labels(classes: int, trained: tuple[str, ...] | None, evaluated: tuple[str, ...] | None) -> tuple[str, ...]:
    if trained is not None:
        return trained
    if classes == len(imagenet.class_names()):
        return imagenet.class_names()
    if evaluated is not None:
        return tuple(" ".join(name.split()) for name in imagenet.readable(evaluated))
    return tuple(f"class {index}" for index in range(classes))


def golden_file(inputs: NDArray[np.float32], checked: Mapping[str, Checked]) -> bytes:
    """`golden.npz`: `inputs` (N, 3, size, size), and under each file's name its logits (N, classes)."""
    buffer = io.BytesIO()
    arrays = {file: each.logits for file, each in checked.items()}
    np.savez_compressed(buffer, allow_pickle=False, inputs=inputs, **arrays)
    return buffer.getvalue()

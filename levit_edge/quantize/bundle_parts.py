"""The files of a bundle beside its models: class names, golden inputs and outputs, evidence, report."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import BundleWriter
from levit_edge.data import imagenet
from levit_edge.data.classes import ClassPairing, placeholder_names
from levit_edge.documents import UNPAIRED
from levit_edge.quantize.artifacts import Checked
from levit_edge.report.bundle_page import bundle_page
from levit_edge.report.report_data import REPORT_DATA_FILE, ReportData, report_data_file

__all__ = ["expected_bytes", "finish", "golden_file", "labels_file"]

BYTES_PER_PARAMETER = 14
"""Disk that a bundle takes, generously: fp32 and int8 twice, int8 with float16, attention biases gathered."""


def labels_file(classes: int, trained: tuple[str, ...] | None, pairing: ClassPairing | None) -> bytes:
    """`labels.txt`, a line for each of `classes`.

    The names are those that the evaluation's labels were paired with, else the checkpoint's own (`trained`), else
    ImageNet's for as many classes, else numbers.
    """
    return "".join(f"{label}\n" for label in _labels(classes, trained, pairing)).encode("utf-8", UNPAIRED)


def _labels(classes: int, trained: tuple[str, ...] | None, pairing: ClassPairing | None) -> tuple[str, ...]:
    if pairing is not None:
        return tuple(" ".join(name.split()) for name in imagenet.readable(pairing.names))
    if trained is not None:
        return trained
    names = imagenet.class_names()
    return names if classes == len(names) else placeholder_names(classes)


def golden_file(inputs: NDArray[np.float32], checked: Sequence[Checked]) -> bytes:
    """`golden.npz`: `inputs` (N, 3, size, size), and under each file's name its logits (N, classes)."""
    buffer = io.BytesIO()
    arrays = {each.artifact.file: each.logits for each in checked}
    np.savez_compressed(buffer, allow_pickle=False, inputs=inputs, **arrays)
    return buffer.getvalue()


def expected_bytes(network: nn.Module) -> int:
    """The disk space that a bundle of `network` needs."""
    return BYTES_PER_PARAMETER * sum(parameter.numel() for parameter in network.parameters())


def finish(writer: BundleWriter, manifest: Manifest, report_data: ReportData) -> Bundle:
    """Add evidence and report to the files that `writer` has, and put the bundle in its place.

    Raises:
        OutputError: the disk is full or not writable.
        RuntimeUnavailableError: what the report needs is not installed.
    """
    writer.add(REPORT_DATA_FILE, report_data_file(report_data))
    writer.add("report.html", bundle_page(writer.staged(manifest)).encode("utf-8", UNPAIRED))
    return writer.commit(manifest)

"""ONNX Runtime's calibrators see all images, though never all at once."""

import pytest

from benchmarks.peers.onnxruntime import INPUT_NAME, Reader, build
from benchmarks.references import reference
from benchmarks.speed.contender import Engine
from benchmarks.task import Task
from levit_edge.runtime.evaluation.comparison import Comparison
from levit_edge.runtime.onnxruntime_runner import OnnxRuntimeRunner

LEAST_SQNR_DB = 15
"""Seen: 48 dB; 28 dB for the entropy calibrator, which clips the largest logits."""


@pytest.mark.parametrize("method", ["MinMax", "Entropy", "Percentile"])
def test_calibration_takes_all_images_in_equal_parts(method: str, task: Task) -> None:
    built = build(task, method)
    assert built.calibration_images == 10
    assert "5 images collected at once" in built.note
    fp32 = OnnxRuntimeRunner(reference(task, Engine.ONNXRUNTIME).read_bytes())
    int8, comparison = OnnxRuntimeRunner(built.model), Comparison()
    for image in task.images():
        comparison.add(fp32.run(image), int8.run(image))
    assert comparison.sqnr_db is not None, "nothing was quantized"
    assert comparison.sqnr_db > LEAST_SQNR_DB


def test_the_parts_together_are_all_images(task: Task) -> None:
    images = task.images()
    reader, seen = Reader(images), []
    for start in range(0, len(reader), 5):
        reader.set_range(start_index=start, end_index=start + 5)
        while (given := reader.get_next()) is not None:
            seen.append(given[INPUT_NAME])
    assert len(seen) == len(images)
    assert all(found is image for found, image in zip(seen, images, strict=True))

"""A task that is quick to do: a linear model of the mean colour, 32 px, 3 classes."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.task import Task
from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.preprocess import Preprocessing
from tests.conftest import colour_classifier


@pytest.fixture
def task(labelled_photographs: Path, small: Preprocessing, tmp_path: Path) -> Task:
    """Its reference for ONNX Runtime is there already, as its checkpoint is not."""
    (folder := tmp_path / "task").mkdir()
    files = sorted(labelled_photographs.glob("*/*"))[:10]
    (folder / "fp32.onnx").write_bytes(colour_classifier(4 * np.eye(3)))
    return Task(
        folder=folder,
        checkpoint=Path("none.pth"),
        size=None,
        resize=None,
        preprocessing=small,
        calibration=ImageProvenance(
            source="photographs",
            count=len(files),
            sha256="0" * 64,
            files=tuple(str(file.relative_to(labelled_photographs)) for file in files),
        ),
        calibration_folder=labelled_photographs,
        evaluation_folder=labelled_photographs,
    )

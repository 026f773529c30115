"""A task that is quick to do: a linear model of the mean colour, 32 px, 3 classes."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.task import Task
from levit_edge.data.preprocess import Preprocessing
from tests.conftest import colour_classifier


@pytest.fixture
def task(labelled_photographs: Path, small: Preprocessing) -> Task:
    return Task(
        checkpoint=Path("none.pth"),
        size=None,
        preprocessing=small,
        calibration=tuple(sorted(labelled_photographs.glob("*/*"))[:10]),
        fp32_onnx=colour_classifier(4 * np.eye(3)),
    )

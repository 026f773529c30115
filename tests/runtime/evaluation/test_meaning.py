from dataclasses import replace

import pytest

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import ArtifactResult
from levit_edge.runtime.evaluation.comparison import paired_interval
from levit_edge.runtime.evaluation.meaning import meaning


def result(lost: int, gained: int, samples: int) -> ArtifactResult:
    return ArtifactResult(
        artifact="int8.pte",
        runtime=Runtime.EXECUTORCH,
        precision=Precision.INT8,
        size_bytes=1,
        drop_pt=100 * (lost - gained) / samples,
        drop_ci95_pt=paired_interval(lost, gained, samples),
        flips_lost=lost,
        flips_gained=gained,
    )


@pytest.mark.parametrize(
    ("lost", "gained", "samples", "said"),
    [
        (5, 4, 1960, "1,960 images cannot tell a drop of 0.05 points from none, or from 0.38"),
        (4, 5, 1960, "1,960 images cannot tell a gain of 0.05 points from none, or from a drop of 0.28"),
        (2, 2, 1960, "1,960 images, as many lost as gained, cannot tell no drop from 0.24 points"),
        (0, 0, 1960, "1,960 images, each right or wrong as in fp32, cannot tell no drop from 0.14 points"),
        (0, 0, 8, "8 images, each right or wrong as in fp32, cannot tell no drop from 27.72 points"),
        (1, 0, 8, "8 images cannot tell a drop of 12.50 points from none, or from 43.38"),
        (41, 40, 50_000, "50,000 images cannot tell a drop of 0.002 points from none, or from 0.04"),
        (50, 10, 1960, "1,960 images show a drop, of 1.26 to 2.82 points"),
        (10, 50, 1960, "1,960 images show a gain, of 1.26 to 2.82 points"),
    ],
)
def test_what_images_can_tell(lost: int, gained: int, samples: int, said: str) -> None:
    assert meaning(result(lost, gained, samples), samples) == said


def test_without_a_drop_there_is_nothing_to_say() -> None:
    fp32 = ArtifactResult(artifact="fp32.pte", runtime=Runtime.EXECUTORCH, precision=Precision.FP32, size_bytes=1)
    assert meaning(fp32, 1960) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_what_cannot_be_has_no_meaning(value: float) -> None:
    assert meaning(replace(result(5, 4, 1960), drop_ci95_pt=(-1.0, value)), 1960) is None

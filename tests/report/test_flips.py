from pathlib import Path

import numpy as np
import pytest

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.data.image_set import calibration_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.report.flips import FlipLog
from levit_edge.report.report_data import MOST_IMAGES
from tests.report.example import evaluated

FP32, INT8 = (
    Artifact(file=f"{each}.onnx", runtime=Runtime.ONNXRUNTIME, precision=each, size_bytes=1, sha256="")
    for each in (Precision.FP32, Precision.INT8)
)


def test_the_log_agrees_with_the_verification(tiny_bundle: Path, labelled_photographs: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    verification, log = evaluated(bundle, labelled_photographs)
    flips = log.flips(calibration_images(labelled_photographs), bundle.manifest.preprocessing, thumbnails=True)
    _, int8 = verification.results
    assert int8.agreement is not None
    assert flips.images == sum(count.images for count in flips.counts) > 0
    assert flips.images == round(verification.samples * (1 - int8.agreement / 100))
    assert sum(count.lost for count in flips.counts) == int8.flips_lost
    assert sum(count.gained for count in flips.counts) == int8.flips_gained
    for image in flips.shown:
        before, after = image.answers
        assert (before.artifact, after.artifact) == ("fp32.onnx", "int8.onnx")
        assert before.margin >= 0 >= after.margin
        assert before.top[0].index != after.top[0].index
        assert (labelled_photographs / image.file).is_file()
        assert image.thumbnail
    bare = log.flips(calibration_images(labelled_photographs), bundle.manifest.preprocessing, thumbnails=False)
    assert not any(image.thumbnail for image in bare.shown)


def test_all_are_counted_and_those_that_tell_most_are_kept() -> None:
    log, root = FlipLog(), Path("val")
    images = tuple(root / f"{index:02}.jpg\udcff" for index in range(100))
    for index, image in enumerate(images):
        margin = np.float32(1 + index / 100)
        logits = {FP32: np.array([margin, 0, 0], "f4"), INT8: np.array([0, margin, 0], "f4")}
        log.add(image, 0 if index < 10 else 1 if index < 20 else None, logits)
    seen = ImageSet(root=root, images=images, labels=None)
    flips = log.flips(seen, None, thumbnails=False)  # type: ignore[arg-type]
    assert (flips.images, flips.uncounted) == (100, 0)
    ((count),) = flips.counts
    assert (count.expected, count.found, count.images, count.lost, count.gained) == (0, 1, 100, 10, 10)
    assert all(image.file.endswith(".jpg") for image in flips.shown)  # without what no document can hold
    names = [int(Path(image.file).stem) for image in flips.shown]
    assert len(names) == MOST_IMAGES
    assert names == [*range(9, -1, -1), *range(19, 9, -1), 99, 98, 97, 96]


@pytest.mark.parametrize("label", [0, None])
def test_an_image_that_stays_is_no_flip(label: int | None) -> None:
    log = FlipLog()
    log.add(Path("a.jpg"), label, {FP32: np.array([2, 1], "f4"), INT8: np.array([1.5, 1], "f4")})
    seen = ImageSet(root=Path(), images=(Path("a.jpg"),), labels=None)
    assert log.flips(seen, None, thumbnails=False).images == 0  # type: ignore[arg-type]

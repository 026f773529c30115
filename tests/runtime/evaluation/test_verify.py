import dataclasses
import io
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from PIL import Image
from rich.console import Console

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.show.tables import verification_table
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.locations import image_at
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.data.preprocess import preprocess
from levit_edge.data.sampling import digest
from levit_edge.errors import BundleError, DataError
from levit_edge.runtime.evaluation.gate import GateRules
from levit_edge.runtime.evaluation.predict import predict
from levit_edge.runtime.evaluation.verify import evaluation_set, verify
from levit_edge.system.progress import Advance, Stages
from tests.conftest import COLOURS, with_float16

FLOAT_TOLERANCE = 1e-9
"""Relative: float64 sums of the same float32 logits in another order."""


@pytest.fixture
def bundle(tiny_bundle: Path) -> Bundle:
    return Bundle.open(tiny_bundle)


@pytest.fixture
def photograph_copies(labelled_photographs: Path, tmp_path: Path) -> Path:
    """Labelled photographs that a test may change."""
    return shutil.copytree(labelled_photographs, tmp_path / "copies")


@pytest.fixture
def measured(bundle: Bundle, labelled_photographs: Path) -> Verification:
    return verify(bundle, labelled_photographs)


def logits_of(bundle: Bundle, file: str, images: ImageSet, *, exif: bool = False) -> npt.NDArray[np.float64]:
    """The file's logits (N, classes), by onnxruntime itself."""
    session = onnxruntime.InferenceSession(str(bundle.path / file), providers=["CPUExecutionProvider"])
    inputs = [preprocess(image_at(path, exif=exif), bundle.manifest.preprocessing) for path in images.images]
    rows = [session.run(["logits"], {"image": image[np.newaxis]})[0][0] for image in inputs]
    return np.stack(rows).astype(np.float64)


@pytest.mark.parametrize("workers", [0, 2])
def test_figures_are_those_of_a_plain_computation(bundle: Bundle, labelled_photographs: Path, workers: int) -> None:
    verification = verify(
        bundle, labelled_photographs, runtimes=[Runtime.ONNXRUNTIME], options=ImageOptions(workers=workers)
    )
    images = evaluation_images(labelled_photographs, COLOURS)
    labels = np.array(images.labels)
    fp32, int8 = (logits_of(bundle, file, images) for file in ("fp32.onnx", "int8.onnx"))
    before, after = fp32.argmax(1) == labels, int8.argmax(1) == labels
    reference, candidate = verification.results
    assert verification.labelled
    assert verification.samples == len(labels) == 32
    assert (reference.artifact, reference.precision) == ("fp32.onnx", Precision.FP32)
    assert (candidate.artifact, candidate.precision) == ("int8.onnx", Precision.INT8)
    assert (reference.top1, candidate.top1) == (100 * before.mean(), 100 * after.mean())
    assert (reference.top5, candidate.top5) == (100, 100)
    assert candidate.drop_pt == 100 * (before.mean() - after.mean())
    assert candidate.flips_lost == (before & ~after).sum() > 0
    assert candidate.flips_gained == (~before & after).sum() > 0
    assert candidate.agreement == 100 * (fp32.argmax(1) == int8.argmax(1)).mean()
    sqnr_db = 10 * np.log10((fp32**2).sum() / ((int8 - fp32) ** 2).sum())
    assert candidate.sqnr_db == pytest.approx(sqnr_db, rel=FLOAT_TOLERANCE)
    winners = np.eye(3, dtype=bool)[fp32.argmax(1)]
    margins = [
        np.where(winners, each, -np.inf).max(1) - np.where(winners, -np.inf, each).max(1) for each in (fp32, int8)
    ]
    changes = margins[1] - margins[0]
    assert candidate.margin_change_mean == pytest.approx(changes.mean(), rel=FLOAT_TOLERANCE)
    assert candidate.margin_change_worst == pytest.approx(changes.min(), rel=FLOAT_TOLERANCE)


def test_results_are_the_same_to_the_last_digit_with_any_number_of_processes(
    bundle: Bundle, labelled_photographs: Path
) -> None:
    alone, *shared = (
        [
            dataclasses.replace(result, images_per_second=0.0)
            for result in verify(bundle, labelled_photographs, options=ImageOptions(workers=workers)).results
        ]
        for workers in (0, 1, 3)
    )
    assert shared == [alone, alone]


def test_the_reference_is_compared_with_nothing(measured: Verification) -> None:
    reference = measured.results[0]
    compared = ("drop_pt", "drop_ci95_pt", "agreement", "flips_lost", "flips_gained", "sqnr_db")
    assert all(getattr(reference, name) is None for name in (*compared, "margin_change_mean", "margin_change_worst"))


def test_what_was_measured_and_where_is_recorded(measured: Verification, labelled_photographs: Path) -> None:
    assert measured.images.source == str(labelled_photographs)
    assert measured.images.count == 32
    assert measured.images.sha256 == digest(evaluation_images(labelled_photographs, COLOURS))
    assert measured.runtimes == {"onnxruntime": onnxruntime.__version__}
    assert measured.host["architecture"]
    assert measured.threads == 1
    assert [result.size_bytes > 100 and result.images_per_second > 0 for result in measured.results] == [True, True]


def test_progress_and_the_stage_are_reported(bundle: Bundle, labelled_photographs: Path) -> None:
    class Heard:
        advanced: ClassVar[list[int]] = []

        @contextmanager
        def stage(self, name: str, total: int | None) -> Iterator[Advance]:
            assert (name, total) == ("verify", 32)
            yield self.advanced.append

    stages = Stages(Heard())
    verify(bundle, labelled_photographs, stages=stages)
    assert [record.name for record in stages.records] == ["verify"]
    assert sum(Heard.advanced) == 32


def test_without_labels_the_drop_is_not_measured(
    bundle: Bundle, measured: Verification, unlabelled_photographs: Path
) -> None:
    verification = verify(bundle, unlabelled_photographs)
    assert not verification.labelled
    assert verification.samples == 32
    for result, labelled in zip(verification.results, measured.results, strict=True):
        unknown = ("top1", "top5", "drop_pt", "drop_ci95_pt", "flips_lost", "flips_gained")
        assert all(getattr(result, name) is None for name in unknown)
        assert result.agreement == labelled.agreement
        assert result.sqnr_db == labelled.sqnr_db  # the images come in the same order
    assert verification.results[1].sqnr_db is not None
    assert verification.gate.passed is None


def test_a_gate_without_labels_is_an_error(bundle: Bundle, unlabelled_photographs: Path) -> None:
    with pytest.raises(DataError, match="no class folders or other labels, so a drop cannot be measured"):
        verify(bundle, unlabelled_photographs, rules=GateRules(max_drop_pt=1.0))


@pytest.mark.parametrize(
    ("max_drop_pt", "passed"), [(None, None), (18.75, True), (18.74, False), (100.0, True), (-1.0, False)]
)
def test_the_gate_is_on_the_drop(
    bundle: Bundle, labelled_photographs: Path, max_drop_pt: float | None, passed: bool | None
) -> None:
    verification = verify(bundle, labelled_photographs, rules=GateRules(max_drop_pt=max_drop_pt))
    assert verification.results[1].drop_pt == 18.75  # 10 of 32 photographs lost, 4 gained
    assert verification.gate.max_drop_pt == max_drop_pt
    assert verification.gate.passed is passed


@pytest.mark.parametrize(("limit", "expected"), [(3, [1, 1, 1]), (15, [5, 5, 5]), (28, [12, 10, 6]), (99, [16, 10, 6])])
def test_a_limited_set_is_balanced_and_always_the_same(
    labelled_photographs: Path, limit: int, expected: list[int]
) -> None:
    images = evaluation_set(labelled_photographs, COLOURS, ImageOptions(limit=limit))
    assert images.labels is not None
    assert Counter(images.labels) == dict(enumerate(expected))
    assert evaluation_set(labelled_photographs, COLOURS, ImageOptions(limit=limit)) == images


def test_a_limit_reaches_the_result(bundle: Bundle, labelled_photographs: Path) -> None:
    verification = verify(bundle, labelled_photographs, options=ImageOptions(limit=7))
    assert verification.samples == verification.images.count == 7
    assert verification.images.sha256 == digest(evaluation_set(labelled_photographs, COLOURS, ImageOptions(limit=7)))


BAD: dict[str, Callable[[Path], object]] = {
    "empty": Path.touch,
    "text": lambda path: path.write_text("no photograph"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
@pytest.mark.timeout(60)
def test_bad_images_can_be_skipped_and_count_for_nothing(
    bundle: Bundle, measured: Verification, photograph_copies: Path, make: Callable[[Path], object]
) -> None:
    make(photograph_copies / "red/x.jpg")
    make(photograph_copies / "blå/00.png")
    with pytest.raises(DataError, match=r"2 of 34 images cannot be read"):
        verify(bundle, photograph_copies)
    verification = verify(bundle, photograph_copies, options=ImageOptions(skip_bad_images=True))
    assert verification.samples == verification.images.count == 32
    assert verification.images.skipped == ("blå/00.png", "red/x.jpg")
    assert verification.images.sha256 == measured.images.sha256  # of the images that were used
    figures = [dataclasses.replace(each, images_per_second=0.0) for each in (*verification.results, *measured.results)]
    assert figures[:2] == figures[2:]


@pytest.mark.parametrize("missing", [Precision.FP32, None])
def test_a_bundle_without_what_was_asked_for_is_an_error(
    bundle: Bundle, labelled_photographs: Path, missing: Precision | None
) -> None:
    kept = tuple(each for each in bundle.manifest.artifacts if missing and each.precision is not missing)
    poorer = Bundle(bundle.path, dataclasses.replace(bundle.manifest, artifacts=kept))
    with pytest.raises(BundleError, match="has no fp32 artifact for onnxruntime"):
        verify(poorer, labelled_photographs, runtimes=[Runtime.ONNXRUNTIME])


def test_a_runtime_the_bundle_has_nothing_for_is_an_error(bundle: Bundle, labelled_photographs: Path) -> None:
    with pytest.raises(BundleError, match="has no fp32 artifact for executorch"):
        verify(bundle, labelled_photographs, runtimes=[Runtime.EXECUTORCH], rules=GateRules(max_drop_pt=1.0))


@pytest.mark.usefixtures("no_float16")
def test_a_file_that_the_processor_cannot_run_is_left_out_and_named(
    bundle_path: Path, labelled_photographs: Path
) -> None:
    found = verify(with_float16(bundle_path, Runtime.ONNXRUNTIME), labelled_photographs)
    assert [each.artifact for each in found.results] == ["fp32.onnx", "int8.onnx"]
    why = "int8-f16.onnx computes in float16, and Cortex-A53 has none: use int8.onnx"
    assert found.not_run == {"int8-f16.onnx": why}
    verification_table(found, console := Console(record=True, file=io.StringIO(), width=200))
    assert f"not run: {why}." in console.export_text()


def test_a_file_with_float16_is_one_row_more(
    bundle_path: Path, measured: Verification, labelled_photographs: Path
) -> None:
    found = verify(with_float16(bundle_path, Runtime.ONNXRUNTIME), labelled_photographs)
    assert (found.not_run, len(found.results)) == ({}, 3)
    half, int8 = (dataclasses.replace(each.results[-1], images_per_second=0.0) for each in (found, measured))
    assert half == dataclasses.replace(int8, artifact="int8-f16.onnx", precision=Precision.INT8_FLOAT16)


def test_classes_that_do_not_fit_are_an_error(bundle: Bundle, photograph_copies: Path) -> None:
    (photograph_copies / "3-black").mkdir()
    with pytest.raises(DataError, match=r"there are no images of 3-black, .* beside blå, green, red\. Remove"):
        verify(bundle, photograph_copies)


def test_images_are_preprocessed_as_the_bundle_says(
    preprocessed_otherwise: Callable[..., Path], labelled_photographs: Path, measured: Verification
) -> None:
    other = Bundle.open(
        preprocessed_otherwise(resize=40, interpolation="bilinear", mean=[0.5, 0.0, 0.5], std=[1, 1, 1])
    )
    verified = verify(other, labelled_photographs)
    images = evaluation_images(labelled_photographs, COLOURS)
    expected = logits_of(other, "fp32.onnx", images).argmax(1) == np.array(images.labels)
    assert verified.results[0].top1 == 100 * expected.mean()
    assert verified.results[0].top1 != measured.results[0].top1
    (guess, *_) = next(predict(other, images.images[:1], precision=Precision.FP32)).guesses
    (row,) = logits_of(other, "fp32.onnx", images.select([0]))
    assert guess.index == row.argmax()
    assert guess.probability == pytest.approx(1 / np.exp(row - row.max()).sum(), rel=FLOAT_TOLERANCE)


def test_a_bundle_keeps_its_own_preprocessing(bundle: Bundle, labelled_photographs: Path) -> None:
    with pytest.raises(DataError, match="leave `preprocessing` out"):
        verify(bundle, labelled_photographs, options=ImageOptions(preprocessing=PreprocessingChanges(resize=40)))


@pytest.fixture
def lying(labelled_photographs: Path, tmp_path: Path) -> Path:
    """The labelled photographs, each with an EXIF that says to turn it; they differ in the last bits of the mean."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for path in labelled_photographs.rglob("*.*"):
        copy = tmp_path / "lying" / path.parent.name / f"{path.stem}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).convert("RGB").save(copy, exif=exif)
    return tmp_path / "lying"


@pytest.mark.parametrize("workers", [0, 1])
def test_photographs_are_turned_only_if_asked_for_which_is_recorded(bundle: Bundle, lying: Path, workers: int) -> None:
    plain, turned = (verify(bundle, lying, options=ImageOptions(workers=workers, exif=exif)) for exif in (False, True))
    assert (plain.exif, turned.exif) == (False, True)
    images = evaluation_images(lying, COLOURS)
    for found, exif in ((plain, False), (turned, True)):
        fp32, int8 = (logits_of(bundle, file, images, exif=exif) for file in ("fp32.onnx", "int8.onnx"))
        sqnr_db = 10 * np.log10((fp32**2).sum() / ((int8 - fp32) ** 2).sum())
        assert found.results[1].sqnr_db == pytest.approx(sqnr_db, rel=FLOAT_TOLERANCE)
    assert plain.results[1].sqnr_db != pytest.approx(turned.results[1].sqnr_db, rel=100 * FLOAT_TOLERANCE)


def test_what_was_passed_over_is_recorded(bundle: Bundle, photograph_copies: Path) -> None:
    (photograph_copies / "red" / "a.heic").touch()
    (photograph_copies / "notes.txt").touch()
    assert verify(bundle, photograph_copies).images.passed_over == {"HEIC": 1, "no image": 1}

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.preprocess import preprocess
from levit_edge.device.image import open_photograph
from levit_edge.errors import BundleError, DataError, RuntimeUnavailableError
from levit_edge.runtime.evaluation.evaluator import Answer, Model
from levit_edge.runtime.evaluation.predict import predict
from tests.conftest import with_float16

FLOAT_TOLERANCE = 1e-12
"""The softmax is computed in float64."""


@pytest.fixture
def bundle(tiny_bundle: Path) -> Bundle:
    return Bundle.open(tiny_bundle)


@pytest.fixture
def colours(tmp_path: Path) -> list[Path]:
    """A red, a green and a blue photograph."""
    paths = [tmp_path / name for name in ("red.png", "green.jpg", "blue.png")]
    for place, path in enumerate(paths):
        Image.new("RGB", (50, 40), tuple(np.eye(3, dtype=int)[place] * 200)).save(path)
    return paths


def test_each_photograph_gets_its_label_in_order(bundle: Bundle, colours: list[Path]) -> None:
    found = list(predict(bundle, colours, precision=Precision.FP32))
    assert [prediction.image for prediction in found] == [str(path) for path in colours]
    assert [prediction.guesses[0].label for prediction in found] == ["red", "green", "blå"]
    assert [prediction.guesses[0].index for prediction in found] == [0, 1, 2]


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.INT8])
def test_probabilities_are_the_softmax_of_the_file_asked_for(
    bundle: Bundle, colours: list[Path], precision: Precision
) -> None:
    session = onnxruntime.InferenceSession(str(bundle.path / f"{precision}.onnx"), providers=["CPUExecutionProvider"])
    image = preprocess(open_photograph(colours[1]).pixels, bundle.manifest.preprocessing)[np.newaxis]
    logits = session.run(["logits"], {"image": image})[0][0].astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum()
    (prediction,) = predict(bundle, colours[1:2], precision=precision)
    assert [guess.index for guess in prediction.guesses] == np.argsort(-logits).tolist()
    for guess in prediction.guesses:
        assert guess.probability == pytest.approx(expected[guess.index], rel=FLOAT_TOLERANCE)
        assert guess.label == bundle.labels()[guess.index]


def test_large_logits_do_not_overflow(bundle: Bundle, colours: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    sure = Answer(logits=np.array([[2000.0, 1999.0, -2000.0]], np.float32), seconds=(0.1,))
    monkeypatch.setattr(f"{predict.__module__}.answers", lambda *_: (each for each in [sure]))
    (prediction,) = predict(bundle, colours[:1])
    assert [guess.probability for guess in prediction.guesses] == pytest.approx([0.7310586, 0.2689414, 0.0])


def test_int8_is_the_default_and_differs(bundle: Bundle, colours: list[Path]) -> None:
    fp32, int8 = (list(predict(bundle, colours, precision=each)) for each in (Precision.FP32, Precision.INT8))
    assert list(predict(bundle, colours)) == int8 != fp32


@pytest.mark.parametrize(("top", "shown"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_as_many_guesses_as_asked_for_best_first(bundle: Bundle, colours: list[Path], top: int, shown: int) -> None:
    (prediction,) = predict(bundle, colours[:1], top=top)
    probabilities = [guess.probability for guess in prediction.guesses]
    assert len(probabilities) == shown
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1 + FLOAT_TOLERANCE


def test_a_photograph_of_any_shape_and_mode_will_do(bundle: Bundle, tmp_path: Path) -> None:
    paths = [tmp_path / "grey.png", tmp_path / "tall.png", tmp_path / "tiny.png"]
    Image.new("L", (300, 40), 90).save(paths[0])
    Image.new("RGBA", (20, 500)).save(paths[1])
    Image.new("P", (1, 1)).save(paths[2])
    assert len(list(predict(bundle, paths))) == 3


def test_photographs_that_cannot_be_read_are_named_behind_the_others(
    bundle: Bundle, colours: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "empty.png").touch()
    predictions = predict(bundle, [colours[0], tmp_path / "missing.png", colours[1]])
    assert [next(predictions).image, next(predictions).image] == [str(colours[0]), str(colours[1])]
    with pytest.raises(DataError, match=r"missing\.png: it does not exist$"):
        next(predictions)
    said = r"^2 of 3 photographs cannot be read:\n  .*missing\.png: it does not exist\n  .*empty\.png: an empty file$"
    with pytest.raises(DataError, match=said):
        list(predict(bundle, [tmp_path / "missing.png", colours[0], tmp_path / "empty.png"]))


def test_an_artifact_that_is_not_there_is_an_error(bundle: Bundle, colours: list[Path]) -> None:
    with pytest.raises(BundleError, match="has no int8 artifact for executorch"):
        list(predict(bundle, colours, runtime=Runtime.EXECUTORCH))


def test_the_file_with_float16_needs_no_runtime_named(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Model] = []

    def answers(models: list[Model], *_: object) -> Iterator[Answer]:
        asked.extend(models)
        yield from ()

    monkeypatch.setattr(f"{predict.__module__}.answers", answers)
    assert not list(predict(with_float16(bundle_path), [], precision=Precision.INT8_FLOAT16))
    assert [(model.file, model.runtime) for model in asked] == [("int8-f16.pte", Runtime.EXECUTORCH)]


@pytest.mark.usefixtures("no_float16")
def test_a_processor_that_cannot_run_the_file_is_told_which_it_can(bundle_path: Path, colours: list[Path]) -> None:
    bundle = with_float16(bundle_path)
    said = r"^int8-f16\.pte computes in float16, and Cortex-A53 has none: use int8\.pte\.$"
    with pytest.raises(RuntimeUnavailableError, match=said):
        list(predict(bundle, colours, precision=Precision.INT8_FLOAT16))
    assert len(list(predict(bundle, colours))) == 3


def test_a_file_that_was_changed_after_opening_is_never_run(bundle_path: Path, colours: list[Path]) -> None:
    bundle = Bundle.open(bundle_path)
    (bundle_path / "int8.onnx").write_bytes((bundle_path / "fp32.onnx").read_bytes())
    with pytest.raises(BundleError, match=r"int8\.onnx is damaged or was changed"):
        list(predict(bundle, colours))


def test_a_photograph_is_turned_the_way_up_that_exif_says_unless_told_otherwise(bundle: Bundle, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.new("RGB", (60, 40), (200, 0, 0)).save(tmp_path / "lying.jpg", exif=exif)
    Image.new("RGB", (60, 40), (200, 0, 0)).save(tmp_path / "plain.jpg")
    images = [tmp_path / "lying.jpg", tmp_path / "plain.jpg"]
    assert [each.turned for each in predict(bundle, images)] == [True, False]
    assert [each.turned for each in predict(bundle, images, exif=False)] == [False, False]

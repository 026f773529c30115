import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from levit_edge import demo
from levit_edge.data.options import PreprocessingChanges
from levit_edge.data.pool import read_squares
from levit_edge.data.preprocess import Preprocessing, decode_input, normalise, preprocess, read_input
from levit_edge.device.image import open_photograph
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError
from levit_edge.model.config import CONFIGS

RESIZE = {"facebook": 256, "timm": 248}
HALF_PRECISION = 2**-10  # the references are float16, and their values lie within ±4: half an ulp is 2^-10
DOCUMENT = to_json(Preprocessing.from_config(CONFIGS["128S"]))


@pytest.mark.parametrize("rule", ["facebook", "timm"])
@pytest.mark.parametrize(
    "file", ["wide.jpg", "tall.jpg", "square.jpg", "grey.png", "cmyk.jpg", "alpha.png", "rotated_exif.jpg"]
)
def test_equals_the_references(shared: Path, rule: str, file: str) -> None:
    expected = np.load(shared / "golden" / "preprocess.npz")[f"{rule}__{file}"]
    preprocessing = Preprocessing.from_config(CONFIGS["128S"], PreprocessingChanges(resize=RESIZE[rule]))
    result = preprocess(open_photograph(shared / "golden" / "images" / file).pixels, preprocessing)
    assert result.dtype == np.float32
    assert np.abs(result - expected.astype(np.float32)).max() <= HALF_PRECISION


def test_every_reference_file_is_tested(shared: Path) -> None:
    assert len(np.load(shared / "golden" / "preprocess.npz").files) == 2 * 7


def test_normalising_is_exactly_torchvisions_arithmetic() -> None:
    preprocessing = Preprocessing.from_config(CONFIGS["128S"])
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    unit = pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    mean, std = (np.array(value, np.float32)[:, None, None] for value in (preprocessing.mean, preprocessing.std))
    assert np.array_equal(normalise(pixels, preprocessing), (unit - mean) / std)


def test_an_image_of_the_right_size_is_not_resampled() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (224, 224, 3), np.uint8)
    preprocessing = Preprocessing.from_config(CONFIGS["128S"], PreprocessingChanges(resize=224))
    assert np.array_equal(preprocess(Image.fromarray(pixels), preprocessing), normalise(pixels, preprocessing))


def test_images_of_other_modes_are_converted() -> None:
    preprocessing = Preprocessing.from_config(CONFIGS["demo"])
    assert preprocess(Image.new("L", (200, 150), 7), preprocessing).shape == (3, 128, 128)


def test_a_file_and_its_bytes_are_the_same_input() -> None:
    preprocessing = Preprocessing.from_config(CONFIGS["demo"])
    path = next(demo.evaluation_dir().glob("*/*.jpg"))
    assert np.array_equal(decode_input(path.read_bytes(), "x", preprocessing), read_input(path, preprocessing))


def test_defaults_come_from_the_config() -> None:
    preprocessing = Preprocessing.from_config(CONFIGS["demo"])
    assert (preprocessing.image_size, preprocessing.resize) == (128, 146)
    assert preprocessing.mean == CONFIGS["demo"].mean


def test_a_resize_below_the_models_size_is_refused() -> None:
    with pytest.raises(DataError, match=r"200 pixels, but the model sees 224"):
        Preprocessing.from_config(CONFIGS["128S"], PreprocessingChanges(resize=200))


def test_json_round_trips() -> None:
    preprocessing = Preprocessing.from_config(CONFIGS["128S"], PreprocessingChanges(resize=248))
    assert _read(json.loads(json.dumps(to_json(preprocessing)))) == preprocessing


def test_json_integers_are_numbers() -> None:
    assert _read({**DOCUMENT, "mean": [0, 0, 0], "std": [1, 1, 1]}).std == (1.0, 1.0, 1.0)


def _read(document: object) -> Preprocessing:
    return from_json(Preprocessing, document, DataError, "preprocessing")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crop": 224}, "unknown keys .*crop"),
        ({"image_size": 224.0}, "image_size is 224.0"),
        ({"image_size": True}, "image_size is True"),
        ({"image_size": 0}, "expected 16 to 4096"),
        ({"resize": 10**9}, "expected 16 to 4096"),
        ({"resize": 100}, "model sees 224"),
        ({"mean": [0.5, 0.5]}, "mean has 2 entries, expected 3"),
        ({"mean": "abc"}, "expected list"),
        ({"mean": [0.5, 0.5, "x"]}, "mean\\[2\\] is 'x'"),
        ({"mean": [10**400, 0, 0]}, "mean\\[0\\] is 1000"),
        ({"std": [0.2, 0.2, 0]}, r"std is 0\.0"),
        ({"std": [0.2, 0.2, float("nan")]}, "std is nan"),
        ({"interpolation": "nearest"}, "expected 'bicubic' or 'bilinear' or 'lanczos'"),
        ({"layout": "NHWC"}, "expected 'NCHW'"),
    ],
)
def test_insane_json_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read({**DOCUMENT, **change})


@pytest.mark.parametrize("key", sorted({*DOCUMENT} - {"squash", "interpolation", "layout", "exif"}))
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(DataError, match=f"lacks {key}"):
        _read({name: value for name, value in DOCUMENT.items() if name != key})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(key=st.sampled_from([*DOCUMENT, "other"]), value=JSON)
@settings(deadline=None)  # a shared machine
def test_any_json_is_read_or_refused(key: str, value: object) -> None:
    try:
        read = _read({**DOCUMENT, key: value})
    except DataError:
        return
    assert _read(to_json(read)) == read


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_a_document_that_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(DataError, match="expected dict"):
        _read(document)


def test_the_package_needs_neither_torch_nor_a_runtime() -> None:
    code = (
        "import sys, levit_edge.data.loader, levit_edge.data.sampling, levit_edge.demo;"
        "heavy = {'torch', 'onnxruntime', 'levit_edge.quantize', 'levit_edge.runtime'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("workers", [0, 1])
def test_exif_is_ignored_unless_asked_for(tmp_path: Path, workers: int) -> None:
    exif, path = Image.Exif(), tmp_path / "lying.png"
    exif[0x0112] = 5
    pixels = np.random.default_rng(3).integers(0, 256, (20, 40, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    stored = Preprocessing(image_size=16, resize=16, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    for how, shown in ((stored, pixels), (replace(stored, exif=True), pixels.transpose(1, 0, 2))):
        expected = preprocess(Image.fromarray(shown), stored)
        assert np.array_equal(read_input(path, how), expected)
        assert np.array_equal(decode_input(path.read_bytes(), "x", how), expected)
        (square,) = [np.array(each) for each in read_squares([path], how, workers)]
        assert np.array_equal(normalise(square, how), expected)

"""From a folder as timm or Transformers writes it to the input that its network is given."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file
from torch import Tensor

from levit_edge.cli.main import run
from levit_edge.data.options import PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing, read_input
from levit_edge.errors import CheckpointError, DataError
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.config import CONFIGS
from levit_edge.model.hub_preprocessing import LEVIT_PROTOCOL
from levit_edge.model.key_maps import CheckpointFormat
from levit_edge.quantize.prepare import choose_preprocessing
from tests.data.test_foreign_preprocessing import GOLDEN, IMAGES, META
from tests.model.conftest import seeded_levit

State = dict[str, Tensor]
WriteAs = Callable[[State, CheckpointFormat], State]
Describe = Callable[..., Path]
NAMES = [f"thing {number}" for number in range(10)]
TIMM = {"architecture": "levit_demo", "num_classes": 10}
WHOLE = PreprocessingChanges(resize=40, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3)


@pytest.fixture(scope="module")
def state() -> State:
    return seeded_levit(replace(CONFIGS["demo"], image_size=32)).state_dict()


@pytest.fixture
def timm(state: State, write_as: WriteAs, tmp_path: Path) -> Describe:
    """A folder of timm's with these keys in config.json."""
    save_file(write_as(state, CheckpointFormat.TIMM), tmp_path / "model.safetensors")

    def describe(**keys: object) -> Path:
        (tmp_path / "config.json").write_text(json.dumps(TIMM | keys))
        return tmp_path

    return describe


def test_weights_alone_say_what_beside_them_was_not_read(timm: Describe) -> None:
    folder = timm(pretrained_cfg={"mean": [0.5] * 3, "std": [0.5] * 3}, label_names=NAMES)
    (folder / "preprocessor_config.json").write_text("{}")
    found = read_checkpoint(folder / "model.safetensors")
    unread = "config.json and preprocessor_config.json beside the weights"
    assert found.preprocessing_origin.text == f"LeViT's own, as {unread} was not read"
    assert (found.labels, found.config.mean) == (None, CONFIGS["demo"].mean)
    assert found.notes[0].startswith(f"{unread} not read: if the weights are theirs, pass the folder {folder} to have")


@pytest.fixture
def transformers(state: State, write_as: WriteAs, tmp_path: Path) -> Describe:
    """A folder of Transformers' with that preprocessor_config.json."""
    save_file(write_as(state, CheckpointFormat.HUGGING_FACE), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "levit"}))

    def describe(content: object) -> Path:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
        return tmp_path

    return describe


def assert_sees(checkpoint: Checkpoint, golden: str) -> None:
    preprocessing = Preprocessing.from_config(checkpoint.config)
    for place, image in enumerate(IMAGES):
        assert np.array_equal(read_input(image, preprocessing), GOLDEN[f"{golden}/{place}"])


@pytest.mark.parametrize("name", ["timm-bilinear-inception", "timm-squash", "timm-lanczos"])
@pytest.mark.parametrize("nested", [True, False])
def test_a_timm_folder(timm: Describe, name: str, *, nested: bool) -> None:
    stated = META["configs"][name]
    checkpoint = read_checkpoint(timm(pretrained_cfg=stated) if nested else timm(**stated))
    assert checkpoint.preprocessing_origin.text == ("pretrained_cfg in config.json" if nested else "config.json")
    assert checkpoint.model.config == checkpoint.config
    assert_sees(checkpoint, name)


@pytest.mark.parametrize("name", ["hf-bilinear-half", "hf-height-width", "hf-no-normalize"])
def test_a_transformers_folder(transformers: Describe, name: str) -> None:
    checkpoint = read_checkpoint(transformers(META["configs"][name]))
    assert checkpoint.preprocessing_origin.text == "preprocessor_config.json"
    assert_sees(checkpoint, name)


def test_a_folder_that_says_nothing(timm: Describe) -> None:
    checkpoint = read_checkpoint(timm(pretrained_cfg={"tag": "mine"}))
    assert checkpoint.preprocessing_origin == LEVIT_PROTOCOL
    assert (checkpoint.config.resize, checkpoint.config.mean) == (37, CONFIGS["demo"].mean)


@pytest.mark.parametrize("name", ["timm-nearest", "timm-border"])
def test_what_is_not_supported_is_refused_unless_the_user_says_all_of_it(timm: Describe, name: str) -> None:
    checkpoint = read_checkpoint(timm(pretrained_cfg=META["configs"][name]))  # its weights are good
    config, origin = checkpoint.config, checkpoint.preprocessing_origin
    for changes in (PreprocessingChanges(), replace(WHOLE, std=None), replace(WHOLE, resize=None)):
        with pytest.raises(CheckpointError, match=r"pretrained_cfg in config.json says .* levit-edge does not do"):
            choose_preprocessing(config, origin, changes)
    preprocessing, text = choose_preprocessing(config, origin, WHOLE)
    assert preprocessing == Preprocessing(image_size=32, resize=40, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert text == "--resize 40 --interpolation bicubic --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"


def test_options_go_before_what_is_stated(timm: Describe) -> None:
    checkpoint = read_checkpoint(timm(pretrained_cfg=META["configs"]["timm-bilinear-inception"]))
    changes = PreprocessingChanges(crop="1.0")
    preprocessing, text = choose_preprocessing(checkpoint.config, checkpoint.preprocessing_origin, changes)
    assert (preprocessing.resize, preprocessing.interpolation, preprocessing.mean) == (32, "bilinear", (0.5,) * 3)
    assert text == "pretrained_cfg in config.json; --crop 1.0"


def test_a_value_out_of_range_names_its_file(timm: Describe) -> None:
    checkpoint = read_checkpoint(timm(pretrained_cfg={"mean": [123.7, 116.3, 103.5]}))
    with pytest.raises(DataError, match=r"pretrained_cfg in config.json: preprocessing mean is 123.7, expected"):
        choose_preprocessing(checkpoint.config, checkpoint.preprocessing_origin, PreprocessingChanges())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "preprocessor_config.json holds no JSON object"),
        ({"crop_size": 224}, "crop_size = 224, but the weights are those of a LeViT for 32×32"),
        ({"resample": 0}, "preprocessor_config.json says resample = 'nearest'"),
    ],
)
def test_a_faulty_processor(transformers: Describe, content: object, complaint: str) -> None:
    assert complaint in str(read_checkpoint(transformers(content)).preprocessing_origin.fault)


def test_two_files_that_contradict_each_other(timm: Describe) -> None:
    folder = timm(pretrained_cfg=META["configs"]["timm-default"])
    (folder / "preprocessor_config.json").write_text(json.dumps(META["configs"]["hf-default"]))
    assert read_checkpoint(folder).preprocessing_origin.text == "pretrained_cfg in config.json"
    (folder / "preprocessor_config.json").write_text(json.dumps(META["configs"]["hf-lanczos"]))
    fault = read_checkpoint(folder).preprocessing_origin.fault
    assert fault is not None
    assert "pretrained_cfg in config.json (the short side to 36, bicubic" in fault
    assert "and preprocessor_config.json (the short side to 36, lanczos" in fault


def test_what_trainer_saves_for_a_network_of_timm(timm: Describe) -> None:
    """Transformers' Trainer writes the image processor beside config.json: timm's own values, under another key."""
    cfg = META["configs"]["timm-default"]
    folder = timm(pretrained_cfg=cfg)
    processor = {"image_processor_type": "TimmWrapperImageProcessor", "architecture": "levit_demo", "data_config": cfg}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    assert_sees(read_checkpoint(folder), "timm-default")
    processor["data_config"] = {**cfg, "interpolation": "bilinear"}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    fault = read_checkpoint(folder).preprocessing_origin.fault
    assert fault is not None
    assert "and data_config in preprocessor_config.json (the short side to 36, bilinear" in fault


@pytest.mark.parametrize(
    ("keys", "labels"),
    [
        ({"label_names": NAMES}, NAMES),
        ({"label_names": {str(index): name for index, name in enumerate(NAMES)}}, NAMES),
        ({"label_names": {"0": "dress", "9": "hat"}}, ["dress", *(f"class {index}" for index in range(1, 9)), "hat"]),
        ({"pretrained_cfg": {"label_names": NAMES}}, NAMES),
        ({"label_names": NAMES, "pretrained_cfg": {"label_names": None}}, NAMES),
    ],
)
def test_class_names_where_timm_writes_them(timm: Describe, keys: dict[str, Any], labels: list[str]) -> None:
    assert read_checkpoint(timm(**keys)).labels == tuple(labels)


def test_inspect_says_it(timm: Describe, capsys: pytest.CaptureFixture[str]) -> None:
    run(["inspect", str(timm(pretrained_cfg=META["configs"]["timm-squash-1.0"])), "--json"])
    assert json.loads(capsys.readouterr().out)["preprocessing"] == {
        "from": "pretrained_cfg in config.json",
        "crop": "squash",
        "resize": 32,
        "interpolation": "bilinear",
        "mean": list(CONFIGS["demo"].mean),
        "std": list(CONFIGS["demo"].std),
    }
    run(["inspect", str(timm(pretrained_cfg=META["configs"]["timm-nearest"]))])
    assert "not supported: pretrained_cfg in config.json says interpolation" in " ".join(
        capsys.readouterr().out.split()
    )

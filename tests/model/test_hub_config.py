"""Folders as Transformers and timm write them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.key_maps import CheckpointFormat
from levit_edge.model.levit import LeViT

State = dict[str, Tensor]
WriteAs = Callable[[State, CheckpointFormat], State]
LABELS = [f"thing {number}" for number in range(10)]
CONFIG: dict[str, Any] = {
    "model_type": "levit",
    "architectures": ["LevitForImageClassification"],
    "id2label": {str(index): label for index, label in reversed(list(enumerate(LABELS)))},
    "image_size": 128,
    "hidden_sizes": [64, 96, 128],
    "num_attention_heads": [4, 6, 8],
    "depths": [1, 2, 2],
    "key_dim": [8, 8, 8],
    "mlp_ratio": [2, 2, 2],
    "attention_ratio": [2, 2, 2],
    "down_ops": [["Subsample", 8, 8, 4, 2, 2], ["Subsample", 8, 12, 4, 2, 2], [""]],
}


@pytest.fixture
def folder(demo_levit: LeViT, write_as: WriteAs, tmp_path: Path) -> Path:
    save_file(write_as(demo_levit.state_dict(), CheckpointFormat.HUGGING_FACE), tmp_path / "model.safetensors")
    return describe(tmp_path)


def describe(folder: Path, **changes: object) -> Path:
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    return folder


def test_a_transformers_folder(folder: Path, demo_levit: LeViT, demo_images: Tensor) -> None:
    checkpoint = read_checkpoint(folder, "demo")
    assert (checkpoint.format, checkpoint.labels) == (CheckpointFormat.HUGGING_FACE, tuple(LABELS))
    assert checkpoint.path == folder / "model.safetensors"
    assert torch.equal(checkpoint.model(demo_images), demo_levit(demo_images))


def test_pickled_weights(folder: Path, demo_levit: LeViT, write_as: WriteAs) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(write_as(demo_levit.state_dict(), CheckpointFormat.HUGGING_FACE), folder / "pytorch_model.bin")
    assert read_checkpoint(folder).path == folder / "pytorch_model.bin"


def test_safetensors_are_preferred(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"not read")
    assert read_checkpoint(folder).path == folder / "model.safetensors"


def test_with_teacher(distilled_demo_levit: LeViT, write_as: WriteAs, tmp_path: Path, demo_images: Tensor) -> None:
    state = write_as(distilled_demo_levit.state_dict(), CheckpointFormat.HUGGING_FACE)
    save_file(state, tmp_path / "model.safetensors")
    describe(tmp_path, architectures=["LevitForImageClassificationWithTeacher"])
    assert torch.equal(read_checkpoint(tmp_path).model(demo_images), distilled_demo_levit(demo_images))
    describe(tmp_path)
    with pytest.raises(CheckpointError, match=r"the weights have classifier_distill\.\*"):
        read_checkpoint(tmp_path)


def test_placeholder_labels_are_none(folder: Path) -> None:
    describe(folder, id2label={str(index): f"LABEL_{index}" for index in range(10)})
    assert read_checkpoint(folder).labels is None


def test_labels_are_single_printable_lines(folder: Path) -> None:
    describe(folder, id2label=CONFIG["id2label"] | {"3": "\x1b[31mtwo\n lines "})
    labels = read_checkpoint(folder).labels
    assert labels is not None
    assert labels[3] == "[31mtwo lines"


def test_a_timm_folder(demo_levit: LeViT, write_as: WriteAs, tmp_path: Path) -> None:
    save_file(write_as(demo_levit.state_dict(), CheckpointFormat.TIMM), tmp_path / "model.safetensors")
    content = {"architecture": "levit_demo", "num_classes": 10, "pretrained_cfg": {"label_names": LABELS}}
    (tmp_path / "config.json").write_text(json.dumps(content))
    checkpoint = read_checkpoint(tmp_path)
    assert (checkpoint.format, checkpoint.labels) == (CheckpointFormat.TIMM, tuple(LABELS))


@pytest.mark.parametrize("architecture", ["levit_128s", "levit_conv_384"])
def test_a_timm_folder_of_another_size(folder: Path, architecture: str) -> None:
    (folder / "config.json").write_text(json.dumps({"architecture": architecture}))
    with pytest.raises(
        CheckpointError, match=f"config.json says {architecture}, but the weights are those of a LeViT-d"
    ):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"hidden_sizes": [128, 256, 384]},
            r"hidden_sizes = \[128, 256, 384\], but .* LeViT-demo with \[64, 96, 128\]",
        ),
        ({"image_size": 224}, "image_size = 224"),
        ({"num_labels": 1000}, "num_labels = 1000"),
        ({"down_ops": "Subsample"}, "down_ops"),
        ({"id2label": {"0": "one", "1": "two"}}, "names 2 classes, but its classifier has 10 outputs"),
        ({"id2label": {"1": "one", "2": "two"}}, "none for class 0"),
        ({"id2label": ["one"]}, "not an object"),
        ({"id2label": {"0": 1}}, "not a list of strings"),
        ({"architectures": ["LevitForImageClassificationWithTeacher"]}, "lack classifier_distill"),
        ({"model_type": "vit"}, "another architecture, 'vit'"),
        ({"model_type": None}, r"config\.json names no architecture: expected timm's"),
    ],
)
def test_contradictions(folder: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(describe(folder, **changes))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": ' + "[" * 100_000, "\xff"])
def test_config_that_is_none(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_checkpoint(folder)


def test_architectures_that_are_no_list(folder: Path) -> None:
    describe(folder, architectures=5)
    assert read_checkpoint(folder).labels == tuple(LABELS)


def test_missing_files(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no weights: expected model\.safetensors or pytorch_model\.bin"):
        read_checkpoint(folder)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"neither a config\.json nor weights"):
        read_checkpoint(folder)


def test_weights_without_a_config_are_to_be_passed_themselves(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "preprocessor_config.json").write_text("{}")
    advice = (
        r"Add it, or pass .*/model\.safetensors and say how .*; what preprocessor_config\.json says is not read then"
    )
    with pytest.raises(CheckpointError, match=advice):
        read_checkpoint(folder)


def test_a_bundle_is_told_from_a_folder_of_weights(tiny_bundle: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is a bundle, whose files are finished\. Pass the checkpoint"):
        read_checkpoint(tiny_bundle)

"""Folders as timm, Transformers' wrapper of timm, and those who split their weights write them."""

import dataclasses
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
from levit_edge.model.config import CONFIGS
from levit_edge.model.key_maps import CheckpointFormat, file_keys
from levit_edge.model.levit import LeViT

State = dict[str, Tensor]
WriteAs = Callable[[State, CheckpointFormat], State]
LABELS = [f"thing {number}" for number in range(10)]
TIMM: dict[str, Any] = {"architecture": "levit_demo", "num_classes": 10}


@pytest.fixture
def timm_state(demo_levit: LeViT, write_as: WriteAs) -> State:
    return write_as(demo_levit.state_dict(), CheckpointFormat.TIMM)


@pytest.fixture
def folder(timm_state: State, tmp_path: Path) -> Path:
    save_file(timm_state, tmp_path / "model.safetensors")
    return tmp_path


def describe(folder: Path, **content: object) -> Path:
    (folder / "config.json").write_text(json.dumps(TIMM | content))
    return folder


@pytest.mark.parametrize("activation", ["hard_swish", "hardswish", "Hardswish", None])
def test_hard_swish(folder: Path, demo_levit: LeViT, demo_images: Tensor, activation: str | None) -> None:
    describe(folder, act_layer=activation, model_args={"act_layer": activation, "key_dim": 8, "attn_ratio": 2.0})
    assert torch.equal(read_checkpoint(folder).model(demo_images), demo_levit(demo_images))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"act_layer": "silu"}, 'act_layer = "silu": supported is hard-swish only'),
        ({"model_args": {"act_layer": "gelu"}}, 'act_layer = "gelu"'),
        ({"model_args": {"attn_act_layer": "relu"}}, 'attn_act_layer = "relu"'),
        ({"model_args": {"act_layer": {"name": 1}}}, "act_layer = {"),
        ({"model_args": {"stem_type": "s8"}}, 'stem_type = "s8": supported is "s16" only'),
        ({"model_args": {"global_pool": ""}}, 'global_pool = "": supported is "avg" only'),
        ({"model_args": {"in_chans": 1}}, "in_chans = 1"),
        ({"model_args": {"embed_dim": [64, 96, 160]}}, r"embed_dim = \[64, 96, 160\] in model_args, but"),
        ({"model_args": {"depth": [1, 2, 3]}}, r"depth = \[1, 2, 3\].* with \[1, 2, 2\]"),
        ({"model_args": {"img_size": [128, 160]}}, "non-square input is not supported"),
        ({"pretrained_cfg": {"input_size": [3, 128, 160]}}, "non-square input is not supported"),
        ({"architecture": "levit_512"}, "levit_512, whose activation is SiLU: supported"),
        ({"architecture": "levit_conv_256d"}, "levit_conv_256d, whose activation is SiLU"),
        ({"architecture": "levit_384_s8"}, "levit_384_s8, whose activation is SiLU and whose stem shrinks by 8"),
    ],
)
def test_what_computes_otherwise(folder: Path, content: dict[str, object], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(describe(folder, **content))


@pytest.mark.parametrize(
    "content",
    [
        {"label_names": LABELS},
        {"label_names": {str(index): name for index, name in reversed(list(enumerate(LABELS)))}},
        {"label_names": LABELS, "pretrained_cfg": {"label_names": [name.upper() for name in LABELS]}},
        {"pretrained_cfg": {"label_names": LABELS}},
        {"model_type": "timm_wrapper", "label_names": LABELS},
        {"model_type": "timm_wrapper", "id2label": {str(index): name for index, name in enumerate(LABELS)}},
    ],
)
def test_label_names(folder: Path, content: dict[str, object]) -> None:
    assert read_checkpoint(describe(folder, **content)).labels == tuple(LABELS)


def test_label_names_with_gaps(folder: Path) -> None:
    names = {str(index): name for index, name in enumerate(LABELS) if index != 4}
    labels = read_checkpoint(describe(folder, label_names=names)).labels
    assert labels is not None
    assert (labels[3:6], len(labels)) == (("thing 3", "class 4", "thing 5"), 10)


@pytest.mark.parametrize("names", [{"cat": "0"}, {"999999999": "x"}, {"0": 3}, 5, {"²": "x"}])
def test_label_names_that_are_none(folder: Path, names: object) -> None:
    with pytest.raises(CheckpointError, match=r"not a table from class numbers|not a list of strings"):
        read_checkpoint(describe(folder, label_names=names))


def test_a_network_of_timm_in_transformers(
    timm_state: State, demo_levit: LeViT, demo_images: Tensor, tmp_path: Path
) -> None:
    save_file({f"timm_model.{name}": value for name, value in timm_state.items()}, tmp_path / "model.safetensors")
    describe(
        tmp_path, model_type="timm_wrapper", label_names=LABELS, architectures=["TimmWrapperForImageClassification"]
    )
    found = read_checkpoint(tmp_path)
    assert (found.format, found.labels) == (CheckpointFormat.TIMM, tuple(LABELS))
    assert torch.equal(found.model(demo_images), demo_levit(demo_images))
    describe(tmp_path, model_type="timm_wrapper", architecture="resnet18")
    with pytest.raises(CheckpointError, match="another architecture, 'resnet18'"):
        read_checkpoint(tmp_path)


def test_arguments_of_another_size(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIGS["128S"], name="custom", depths=(1, 1, 1), classes=3, weights=None)
    state = LeViT(config).state_dict()
    keys = file_keys(CheckpointFormat.TIMM, config, state)
    save_file({keys[key]: value for key, value in state.items()}, tmp_path / "model.safetensors")
    describe(tmp_path, architecture="levit_128s", num_classes=3, model_args={"depth": [1, 1, 1]})
    assert read_checkpoint(tmp_path).config == config
    describe(tmp_path, architecture="levit_128s", num_classes=3)
    with pytest.raises(CheckpointError, match="says levit_128s, but the weights are those of a LeViT-custom"):
        read_checkpoint(tmp_path)


def split(state: State, folder: Path, *, safetensors: bool) -> Path:
    """The state in two files and an index; returns the index."""
    names = list(state)
    suffix = "safetensors" if safetensors else "bin"
    stem = "model" if safetensors else "pytorch_model"
    shards = {f"{stem}-0000{number}-of-00002.{suffix}": names[number - 1 :: 2] for number in (1, 2)}
    for file, held in shards.items():
        part = {name: state[name] for name in held}
        save_file(part, folder / file) if safetensors else torch.save(part, folder / file)
    places = {name: file for file, held in shards.items() for name in held}
    index = folder / f"{stem}.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


@pytest.mark.parametrize("safetensors", [True, False])
def test_weights_in_several_files(
    timm_state: State, demo_levit: LeViT, demo_images: Tensor, safetensors: bool, tmp_path: Path
) -> None:
    index = split(timm_state, describe(tmp_path), safetensors=safetensors)
    found = read_checkpoint(tmp_path)
    assert found.path == index
    assert torch.equal(found.model(demo_images), demo_levit(demo_images))
    assert read_checkpoint(index).sha256 == found.sha256


def test_one_of_several_files_is_not_taken_for_the_network(timm_state: State, tmp_path: Path) -> None:
    index = split(timm_state, describe(tmp_path), safetensors=True)
    shard = next(path for path in sorted(tmp_path.iterdir()) if "-of-" in path.name)
    with pytest.raises(CheckpointError, match=f"one of several files of one network: pass their index {index}"):
        read_checkpoint(shard)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a/b", "..", "", "C:x", "x.index.json", 3])
def test_an_index_that_leaves_its_folder(timm_state: State, name: object, tmp_path: Path) -> None:
    index = split(timm_state, describe(tmp_path), safetensors=True)
    places = json.loads(index.read_text())["weight_map"]
    index.write_text(json.dumps({"weight_map": places | {"x": name}}))
    with pytest.raises(CheckpointError, match=r'do not lie beside it|no "weight_map"'):
        read_checkpoint(tmp_path)


def test_files_that_do_not_fit_their_index(timm_state: State, tmp_path: Path) -> None:
    index = split(timm_state, describe(tmp_path), safetensors=True)
    content = json.loads(index.read_text())
    del content["weight_map"]["head.bn.bias"]
    index.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"do not belong together: they differ in head\.bn\.bias"):
        read_checkpoint(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-0000|do not belong"):
        read_checkpoint(tmp_path)

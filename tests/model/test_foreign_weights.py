"""Weights as other people's scripts leave them: in several entries, behind prefixes, beside numpy's numbers."""

import collections
import datetime
import os
import pathlib
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from levit_edge.errors import CheckpointError
from levit_edge.model.checkpoint import load, read_checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.model.key_maps import CheckpointFormat
from levit_edge.model.levit import HeadNorm, LeViT

State = dict[str, Tensor]
WriteAs = Callable[[State, CheckpointFormat], State]
ROUNDING = 1e-6
"""Of the largest logit: float32 sums in another order."""


def saved(content: object, folder: Path) -> Path:
    torch.save(content, folder / "levit.pth")
    return folder / "levit.pth"


def averaged(state: State) -> State:
    """Other weights, as a running average has."""
    return {key: value * 0.9 if value.is_floating_point() else value for key, value in state.items()}


def behind(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


def assert_same(model: nn.Module, expected: nn.Module, images: Tensor, tolerance: float = 0.0) -> None:
    found, wanted = model(images), expected(images)
    assert float((found - wanted).abs().max() / wanted.abs().max()) <= tolerance


@pytest.mark.parametrize(
    ("trained", "average"), [("model", "model_ema"), ("state_dict", "state_dict_ema"), ("state_dict", "ema")]
)
def test_the_trained_weights_come_first_and_the_average_is_named(
    demo_levit: LeViT, demo_state: State, demo_images: Tensor, trained: str, average: str, tmp_path: Path
) -> None:
    path = saved({average: averaged(demo_state), trained: demo_state, "epoch": 3}, tmp_path)
    found = read_checkpoint(path)
    assert (found.entry, found.other_entries) == (trained, (average,))
    assert_same(found.model, demo_levit, demo_images)
    other = read_checkpoint(path, weights=average)
    assert (other.entry, other.other_entries) == (average, (trained,))
    assert torch.equal(other.model.head.l.weight, demo_state["head.l.weight"] * 0.9)


def test_a_file_that_is_nothing_else_has_no_entry(demo_state: State, tmp_path: Path) -> None:
    found = read_checkpoint(saved(demo_state, tmp_path))
    assert (found.entry, found.other_entries, found.notes) == (None, (), ())


def test_weights_that_are_not_there(demo_state: State, tmp_path: Path) -> None:
    path = saved({"model": demo_state, "model_ema": averaged(demo_state)}, tmp_path)
    with pytest.raises(CheckpointError, match="no LeViT called 'ema', as --weights says, but LeViTs model, model_ema"):
        read_checkpoint(path, weights="ema")


@pytest.mark.parametrize("wrapper", ["net", "weights", "model_state", "ema_state_dict", "network.weights"])
def test_any_wrapper(demo_levit: LeViT, demo_state: State, demo_images: Tensor, wrapper: str, tmp_path: Path) -> None:
    content: Any = demo_state
    for name in reversed(wrapper.split(".")):
        content = {name: content}
    optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []}
    found = read_checkpoint(saved({"best": torch.tensor(3.0), "optimizer": optimizer} | content, tmp_path))
    assert found.entry == wrapper
    assert_same(found.model, demo_levit, demo_images)


def test_several_of_unknown_names(demo_state: State, tmp_path: Path) -> None:
    path = saved({"net": demo_state, "shadow": averaged(demo_state)}, tmp_path)
    with pytest.raises(CheckpointError, match=r"2 LeViTs: net, shadow\. Say which with --weights"):
        read_checkpoint(path)
    assert read_checkpoint(path, weights="shadow").other_entries == ("net",)


@pytest.mark.parametrize(
    "prefix", ["net.", "backbone.", "encoder.", "student.", "model.backbone.", "1.", "a.module.b."]
)
@pytest.mark.parametrize("checkpoint_format", CheckpointFormat)
def test_any_common_prefix(
    demo_levit: LeViT,
    demo_images: Tensor,
    write_as: WriteAs,
    prefix: str,
    checkpoint_format: CheckpointFormat,
    tmp_path: Path,
) -> None:
    state = behind(prefix, write_as(demo_levit.state_dict(), checkpoint_format))
    found = read_checkpoint(saved({"state_dict": state}, tmp_path))
    assert found.format == checkpoint_format
    assert_same(found.model, demo_levit, demo_images)


def test_student_and_teacher(demo_levit: LeViT, demo_state: State, demo_images: Tensor, tmp_path: Path) -> None:
    path = saved(behind("teacher.", averaged(demo_state)) | behind("student.", demo_state), tmp_path)
    with pytest.raises(CheckpointError, match="2 LeViTs: teacher, student"):
        load(path)
    assert_same(read_checkpoint(path, weights="student").model, demo_levit, demo_images)


def test_lightning_with_an_average(demo_levit: LeViT, demo_state: State, demo_images: Tensor, tmp_path: Path) -> None:
    state = behind("ema_model.module.", averaged(demo_state)) | behind("model.", demo_state)
    path = saved({"state_dict": state, "epoch": 1}, tmp_path)
    found = read_checkpoint(path)
    assert (found.entry, found.other_entries) == ("state_dict.model", ("state_dict.ema_model.module",))
    assert_same(found.model, demo_levit, demo_images)


def test_tensors_beside_the_network(demo_levit: LeViT, demo_state: State, demo_images: Tensor, tmp_path: Path) -> None:
    beside = {"criterion.weight": torch.ones(10), "mean": torch.zeros(3), "std": torch.ones(3)}
    found = read_checkpoint(saved({"state_dict": beside | behind("model.", demo_state)}, tmp_path))
    assert found.notes == ("3 tensors beside the network left out: criterion.weight, mean, std",)
    assert_same(found.model, demo_levit, demo_images)


@pytest.mark.parametrize("prefix", ["", "net."])
def test_tensors_inside_the_network(demo_state: State, prefix: str, tmp_path: Path) -> None:
    state = behind(prefix, demo_state) | {f"{prefix}blocks.0.m.gamma": torch.ones(64)}
    with pytest.raises(CheckpointError, match=rf"1 extra: {prefix}blocks\.0\.m\.gamma"):
        load(saved(state, tmp_path))


DATA = {
    "best_acc": np.float64(81.5),
    "best": np.float32(1),
    "classes": np.array(["cat", "dog"]),
    "losses": np.linspace(0, 1, 5),
    "odd": np.array([{"a": 1}, None], dtype=object),
    "type": np.dtype("float32"),
    "record": np.zeros(2, dtype=[("a", "f4"), ("b", "O")]),
    "rng": {
        "numpy": np.random.RandomState(0).get_state(),
        "generator": np.random.default_rng(0),
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
    },
    "path": pathlib.PurePosixPath("a/b"),
    "save_dir": Path("out"),
    "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "steps": collections.defaultdict(int),
}


@pytest.mark.parametrize("name", [name for name in DATA if name != "steps"])
@pytest.mark.parametrize("zipped", [True, False])
def test_data_beside_the_weights(demo_state: State, name: str, zipped: bool, tmp_path: Path) -> None:
    content = {"model": {"head.l.weight": demo_state["head.l.weight"]}, name: DATA[name]}
    torch.save(content, tmp_path / "levit.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"looks like a LeViT-demo.* 182 missing"):  # it is read
        load(tmp_path / "levit.pth")


def test_all_of_it(demo_levit: LeViT, demo_state: State, demo_images: Tensor, tmp_path: Path) -> None:
    data = {name: value for name, value in DATA.items() if name != "steps"}
    assert_same(load(saved({"model": demo_state} | data, tmp_path)), demo_levit, demo_images)


class Attack:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.witness}'",)


def test_code_inside_data_is_refused(demo_state: State, tmp_path: Path) -> None:
    witness = tmp_path / "made-by-the-attack"
    hidden = np.array([Attack(witness)], dtype=object)
    with pytest.raises(CheckpointError, match=r"would run code: it asks for posix\.system"):
        load(saved({"model": demo_state, "best": hidden}, tmp_path))
    assert not witness.exists()


class Settings:
    """Of a training script."""


def test_the_entry_that_is_no_data_is_named(demo_state: State, tmp_path: Path) -> None:
    content = {"model": demo_state, "best": np.float64(1), "config": {"deep": [Settings()]}}
    with pytest.raises(CheckpointError, match=r"asks for .*Settings.* save only its weights .*It lies in 'config'\."):
        load(saved(content, tmp_path))


def plain_head(state: State, names: tuple[str, str], places: tuple[str, ...], *, bias: bool) -> State:
    """`state` with plain linears of other weights in place of its heads."""
    chance = torch.Generator().manual_seed(3)
    state = {key: value for key, value in state.items() if not key.startswith(tuple(f"{name}." for name in names))}
    for place in places:
        state[f"{place}.weight"] = torch.randn(7, 128, generator=chance)
        if bias:
            state[f"{place}.bias"] = torch.randn(7, generator=chance)
    return state


def with_linear(levit: LeViT, state: State, places: tuple[str, ...]) -> Callable[[Tensor], Tensor]:
    """What torch gives for a network with these linears."""

    def run(images: Tensor) -> Tensor:
        tokens = levit.blocks(levit.patch_embed(images).flatten(2).transpose(1, 2)).mean(1)
        found = [nn.functional.linear(tokens, state[f"{each}.weight"], state.get(f"{each}.bias")) for each in places]
        return sum(found, torch.zeros(())) / len(found)

    return run


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("inside", ["", ".1", ".fc", ".l"])
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("checkpoint_format", CheckpointFormat)
def test_heads_that_are_linear_layers(
    distilled_demo_levit: LeViT,
    demo_images: Tensor,
    write_as: WriteAs,
    checkpoint_format: CheckpointFormat,
    heads: int,
    inside: str,
    bias: bool,
    tmp_path: Path,
) -> None:
    names = ("classifier", "classifier_distill") if checkpoint_format == "huggingface" else ("head", "head_dist")
    places = tuple(name + inside for name in names[:heads])
    state = plain_head(write_as(distilled_demo_levit.state_dict(), checkpoint_format), names, places, bias=bias)
    if inside == ".l" and checkpoint_format != "facebook":
        pytest.skip("the original's name")
    found = read_checkpoint(saved(state, tmp_path))
    assert (found.config.classes, found.config.distilled) == (7, heads == 2)
    assert len(found.notes) == heads
    expected = with_linear(distilled_demo_levit, state, places)(demo_images)
    assert torch.allclose(
        found.model(demo_images), expected, rtol=ROUNDING, atol=ROUNDING * float(expected.abs().max())
    )
    fuse(found.model)


@pytest.mark.parametrize("place", ["head.1", "head.fc.1"])
def test_dropout_in_front_of_a_head_is_told(demo_state: State, place: str, tmp_path: Path) -> None:
    state = plain_head(demo_state, ("head", "head_dist"), (place,), bias=False)
    (note,) = read_checkpoint(saved(state, tmp_path)).notes
    said = f"the file does not say what {place[:-1]}0 in front of it computes. It is taken for dropout"
    assert note.startswith(f"its classifier head is a linear layer without batch norm and bias; {said}")
    assert "if it is an activation, such as ReLU, all logits are wrong" in note


@pytest.mark.parametrize("layers", [[nn.ReLU(), nn.Dropout()], [nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout()]])
def test_layers_in_front_of_a_head_that_may_be_activations_are_refused(
    demo_state: State, layers: list[nn.Module], tmp_path: Path
) -> None:
    body = {key: value for key, value in demo_state.items() if not key.startswith("head")}
    head = nn.Sequential(*layers, nn.Linear(128, 7))
    first = len(layers) - 2
    said = rf"layers without weights in front of head\.{first + 2} \(head\.{first}, head\.{first + 1}\), and the file"
    with pytest.raises(CheckpointError, match=said):
        load(saved(body | behind("head.", head.state_dict()), tmp_path))


def test_a_head_of_numbered_layers(demo_levit: LeViT, demo_state: State, demo_images: Tensor, tmp_path: Path) -> None:
    numbers = {"bn": "0", "l": "2"}
    state = {
        ".".join(numbers.get(part, part) for part in key.split(".")) if key.startswith("head.") else key: value
        for key, value in demo_state.items()
    }
    assert "head.0.running_var" in state
    assert_same(load(saved(state, tmp_path)), demo_levit, demo_images)


@pytest.mark.parametrize(
    "head",
    [nn.Sequential(nn.Linear(128, 64), nn.Linear(64, 7)), nn.Sequential(nn.LayerNorm(128), nn.Linear(128, 7))],
)
def test_heads_of_other_layers(demo_state: State, head: nn.Module, tmp_path: Path) -> None:
    state = {key: value for key, value in demo_state.items() if not key.startswith("head.")}
    with pytest.raises(CheckpointError, match=r"classifier head was replaced by head\.0, head\.1, expected one linear"):
        load(saved(state | behind("head.", head.state_dict()), tmp_path))


@pytest.mark.parametrize("names", [("norm", "fc"), ("bn", "fc"), ("0", "1")])
def test_a_batch_norm_in_front_of_a_head_is_told_by_its_width(
    demo_levit: LeViT, demo_state: State, demo_images: Tensor, names: tuple[str, str], tmp_path: Path
) -> None:
    renamed = dict(zip(("head.bn.", "head.l."), (f"head.{name}." for name in names), strict=True))
    state = {
        next((name.replace(own, new) for own, new in renamed.items() if name.startswith(own)), name): value
        for name, value in demo_state.items()
    }
    assert_same(load(saved(state, tmp_path)), demo_levit, demo_images)


@pytest.mark.parametrize("names", [("0", "1"), ("9", "10"), ("fc", "norm")])
def test_a_batch_norm_behind_a_head_is_refused(demo_state: State, names: tuple[str, str], tmp_path: Path) -> None:
    """As wide in as out, so that shapes do not tell."""
    layers = nn.Sequential(collections.OrderedDict(zip(names, (nn.Linear(128, 128), nn.BatchNorm1d(128)), strict=True)))
    body = {name: value for name, value in demo_state.items() if not name.startswith("head")}
    with pytest.raises(CheckpointError, match="Its classifier head was replaced by"):
        load(saved(body | behind("head.", layers.state_dict()), tmp_path))


def folded(levit: LeViT, places: dict[str, str]) -> State:
    """As the original code's `fuse` leaves a network: a bias in place of each batch norm, heads included."""
    state = {}
    for name, module in levit.named_modules():
        norm: Any = getattr(module, "bn", None)
        if isinstance(module, HeadNorm):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            shift = norm.bias - scale * norm.running_mean
            state[f"{name}.weight"] = module.l.weight * scale
            state[f"{name}.bias"] = module.l.bias + module.l.weight @ shift
        elif norm is not None:
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            weight = module.c.weight
            state[f"{name}{places['c']}.weight"] = weight * scale.view(-1, *[1] * (weight.ndim - 1))
            state[f"{name}{places['c']}.bias"] = norm.bias - scale * norm.running_mean
        elif (biases := getattr(module, "attention_biases", None)) is not None:
            state[f"{name}.attention_biases"] = biases
    return state


@pytest.mark.parametrize("inside", ["", ".c"])
def test_batch_norm_that_is_folded(
    distilled_demo_levit: LeViT, demo_images: Tensor, inside: str, tmp_path: Path
) -> None:
    state = folded(distilled_demo_levit, {"c": inside})
    found = read_checkpoint(saved({"model": state}, tmp_path))
    assert found.notes[-1] == "its batch norms are already folded into the layers before them"
    assert_same(found.model, distilled_demo_levit, demo_images, 10 * ROUNDING)
    assert_same(fuse(found.model), distilled_demo_levit, demo_images, 10 * ROUNDING)


def test_mmpretrains_names_are_another_architecture(demo_state: State, tmp_path: Path) -> None:
    """Its backbone is divided into stages, and layers have names of their own."""
    renamed = {}
    for key, value in demo_state.items():
        name = re.sub(r"\.c\.", ".conv." if key.startswith("patch_embed") else ".linear.", key)
        name = re.sub(r"^head\.l\.", "head.linear.", name)
        name = re.sub(r"^blocks\.(\d+)\.m\.", r"blocks.\1.block.", name)
        renamed["head.head." + name[5:] if name.startswith("head.") else "backbone." + name] = value
    stages = {key.replace("backbone.blocks.", "backbone.stages.0."): value for key, value in renamed.items()}
    with pytest.raises(CheckpointError, match="This is another architecture: its 177 tensors do not have LeViT"):
        load(saved({"state_dict": stages, "meta": {"epoch": 3}}, tmp_path))

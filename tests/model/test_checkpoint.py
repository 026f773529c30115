import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.checkpoint import load, read_checkpoint
from levit_edge.model.config import CONFIGS
from levit_edge.model.key_maps import CheckpointFormat
from levit_edge.model.levit import LeViT

State = dict[str, Tensor]
WriteAs = Callable[[State, CheckpointFormat], State]
INDEX = "blocks.2.attention_bias_idxs"  # of the demo's first shrinking attention


def saved(content: object, folder: Path) -> Path:
    torch.save(content, folder / "levit.pth")
    return folder / "levit.pth"


def assert_same_model(model: LeViT, expected: LeViT, images: Tensor) -> None:
    assert torch.equal(model(images), expected(images))


@pytest.mark.parametrize("checkpoint_format", CheckpointFormat)
@pytest.mark.parametrize("container", ["zip", "legacy", "safetensors"])
def test_formats(
    demo_levit: LeViT,
    demo_images: Tensor,
    write_as: WriteAs,
    checkpoint_format: CheckpointFormat,
    container: str,
    tmp_path: Path,
) -> None:
    state, path = write_as(demo_levit.state_dict(), checkpoint_format), tmp_path / "weights"
    if container == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=container == "zip")
    checkpoint = read_checkpoint(path, "demo")
    assert (checkpoint.format, checkpoint.config, checkpoint.labels) == (checkpoint_format, CONFIGS["demo"], None)
    assert checkpoint.path == path
    assert_same_model(checkpoint.model, demo_levit, demo_images)


def test_the_model_is_ready_to_evaluate(demo_state: State, tmp_path: Path) -> None:
    model = load(saved(demo_state, tmp_path))
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"cpu"}


def test_the_hash_is_the_files(demo_state: State, tmp_path: Path) -> None:
    import hashlib

    path = saved(demo_state, tmp_path)
    assert read_checkpoint(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_name_plays_no_part(demo_levit: LeViT, tmp_path: Path) -> None:
    torch.save(demo_levit.state_dict(), tmp_path / "zip.safetensors")
    save_file(demo_levit.state_dict(), tmp_path / "safetensors.pth")
    assert load(tmp_path / "zip.safetensors").config == load(tmp_path / "safetensors.pth").config


@pytest.mark.parametrize("wrapper", ["model", "state_dict", "model_ema"])
def test_wrapped_state_dicts(demo_levit: LeViT, demo_images: Tensor, wrapper: str, tmp_path: Path) -> None:
    path = saved({"epoch": 3, wrapper: demo_levit.state_dict()}, tmp_path)
    assert_same_model(load(path), demo_levit, demo_images)


def test_weights_come_before_their_average(demo_levit: LeViT, demo_images: Tensor, tmp_path: Path) -> None:
    average = {key: torch.zeros_like(tensor) for key, tensor in demo_levit.state_dict().items()}
    path = saved({"model_ema": average, "model": demo_levit.state_dict()}, tmp_path)
    assert_same_model(load(path), demo_levit, demo_images)


def test_arguments_of_training_may_lie_beside(demo_levit: LeViT, demo_images: Tensor, tmp_path: Path) -> None:
    import argparse

    arguments = argparse.Namespace(model="LeViT_128S", lr=5e-4)
    path = saved({"model": demo_levit.state_dict(), "args": arguments}, tmp_path)
    assert_same_model(load(path), demo_levit, demo_images)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model."])
def test_prefixes(demo_levit: LeViT, demo_images: Tensor, prefix: str, tmp_path: Path) -> None:
    state = {prefix + key: tensor for key, tensor in demo_levit.state_dict().items()}
    assert_same_model(load(saved(state, tmp_path)), demo_levit, demo_images)


def test_the_same_tensor_twice(demo_state: State, tmp_path: Path) -> None:
    demo_state["module.head.l.bias"] = demo_state["head.l.bias"]
    with pytest.raises(CheckpointError, match=r"twice: head\.l\.bias, module\.head\.l\.bias"):
        load(saved(demo_state, tmp_path))


def test_timm_convolutions_are_linears(
    demo_levit: LeViT, demo_images: Tensor, write_as: WriteAs, tmp_path: Path
) -> None:
    state = write_as(demo_levit.state_dict(), CheckpointFormat.TIMM)
    for key in state:
        if key.startswith("stages") and key.endswith("linear.weight"):
            state[key] = state[key][:, :, None, None]
    assert_same_model(load(saved(state, tmp_path)), demo_levit, demo_images)


def test_two_heads_are_averaged(distilled_demo_levit: LeViT, demo_images: Tensor, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(saved(distilled_demo_levit.state_dict(), tmp_path))
    assert checkpoint.config.distilled
    assert_same_model(checkpoint.model, distilled_demo_levit, demo_images)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(demo_levit: LeViT, dtype: torch.dtype, tmp_path: Path) -> None:
    state = {key: tensor.to(dtype) for key, tensor in demo_levit.state_dict().items()}
    read = load(saved(state, tmp_path)).state_dict()
    assert all(torch.equal(read[key], state[key].float()) for key in read if "tracked" not in key)
    assert {tensor.dtype for key, tensor in read.items() if "tracked" not in key} == {torch.float32}


@pytest.mark.parametrize("size", ["128S", "128"])
def test_sizes_of_equal_widths_are_told_apart(size: str, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIGS[size], classes=3)
    checkpoint = read_checkpoint(saved(LeViT(config).state_dict(), tmp_path), size)
    assert checkpoint.config == config


def test_another_resolution_is_recognised(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIGS["demo"], image_size=96, resize=110, classes=7)
    checkpoint = read_checkpoint(saved(LeViT(config).state_dict(), tmp_path))
    assert checkpoint.config == config
    assert checkpoint.model(torch.zeros(1, 3, 96, 96)).shape == (1, 7)


def test_absurd_resolution(demo_state: State, tmp_path: Path) -> None:
    demo_state["blocks.0.m.attention_biases"] = torch.zeros(4, 1000**2)
    with pytest.raises(CheckpointError, match="16000×16000"):
        load(saved(demo_state, tmp_path))


def test_labels_in_the_metadata(demo_state: State, tmp_path: Path) -> None:
    labels = [f"thing {number}" for number in range(10)]
    half = {key: tensor.half() for key, tensor in demo_state.items() if tensor.is_floating_point()}
    save_file(half, tmp_path / "demo.safetensors", {"labels": json.dumps(labels)})
    assert read_checkpoint(tmp_path / "demo.safetensors").labels == tuple(labels)


@pytest.mark.parametrize("labels", ['["one", "two"]', "[", "[1, 2]", '{"0": "one"}'])
def test_labels_that_do_not_fit(demo_state: State, labels: str, tmp_path: Path) -> None:
    save_file(demo_state, tmp_path / "demo.safetensors", {"labels": labels})
    with pytest.raises(
        CheckpointError, match=r"names 2 classes.*10 outputs|metadata is not JSON|not a list of strings"
    ):
        read_checkpoint(tmp_path / "demo.safetensors")


def test_another_size_than_asked_for(demo_state: State, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"is a LeViT-demo \(facebook\), and LeViT-192 was asked for.*--model demo"
    ):
        read_checkpoint(saved(demo_state, tmp_path), "192")


def test_a_size_that_there_is_not(demo_state: State, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no LeViT of size '129'; expected one of 128S, 128"):
        read_checkpoint(saved(demo_state, tmp_path), "129")


def test_missing_tensors(demo_state: State, tmp_path: Path) -> None:
    for key in [key for key in demo_state if key.startswith("blocks.0.m.qkv")] + ["head.l.weight"]:
        del demo_state[key]
    with pytest.raises(CheckpointError, match=r"6 missing: blocks\.0\.m\.qkv\.c\.weight, .* and 1 more"):
        load(saved(demo_state, tmp_path))


def test_names_are_those_of_the_file(demo_levit: LeViT, write_as: WriteAs, tmp_path: Path) -> None:
    state = write_as(demo_levit.state_dict(), CheckpointFormat.TIMM)
    del state["stem.conv1.linear.weight"]
    state["stages.0.blocks.0.ls1.gamma"] = torch.ones(64)
    state["head.linear.weight"] = torch.ones(11, 128)
    with pytest.raises(CheckpointError) as caught:
        load(saved({"module." + key: tensor for key, tensor in state.items()}, tmp_path))
    message = str(caught.value)
    assert "1 missing: stem.conv1.linear.weight" in message
    assert "1 extra: module.stages.0.blocks.0.ls1.gamma" in message
    assert "1 of the wrong shape: module.head.linear.bias (10,) instead of (11,)" in message


def test_wrong_shape(demo_state: State, tmp_path: Path) -> None:
    demo_state["blocks.1.m.0.c.weight"] = torch.zeros(64, 64)
    with pytest.raises(
        CheckpointError, match=r"1 of the wrong shape: blocks\.1\.m\.0\.c\.weight \(64, 64\) instead of"
    ):
        load(saved(demo_state, tmp_path))


@pytest.mark.parametrize(
    ("value", "message"),
    [(float("nan"), "holds NaN"), (float("inf"), "holds infinite"), (-float("inf"), "holds infinite")],
)
def test_values_that_are_no_numbers(demo_state: State, value: float, message: str, tmp_path: Path) -> None:
    demo_state["blocks.2.kv.c.weight"][3, 5] = value
    with pytest.raises(CheckpointError, match=rf"blocks\.2\.kv\.c\.weight {message} values"):
        load(saved(demo_state, tmp_path))


def test_float64_beyond_float32(demo_state: State, tmp_path: Path) -> None:
    demo_state["head.l.bias"] = torch.full((10,), 1e300, dtype=torch.float64)
    with pytest.raises(CheckpointError, match=r"head\.l\.bias holds infinite"):
        load(saved(demo_state, tmp_path))


def test_negative_variance(demo_state: State, tmp_path: Path) -> None:
    demo_state["head.bn.running_var"][7] = -1e-3
    with pytest.raises(CheckpointError, match=r"head\.bn\.running_var holds a negative variance, -0\.001"):
        load(saved(demo_state, tmp_path))


def test_weights_that_are_integers(demo_state: State, tmp_path: Path) -> None:
    demo_state["head.l.weight"] = torch.ones(10, 128, dtype=torch.int8)
    with pytest.raises(CheckpointError, match=r"head\.l\.weight is torch\.int8; expected floating-point"):
        load(saved(demo_state, tmp_path))


def test_the_original_numbering_of_biases_is_accepted(demo_levit: LeViT, demo_state: State, tmp_path: Path) -> None:
    demo_state |= {key: buffer for key, buffer in demo_levit.named_buffers() if key.endswith("idxs")}
    assert INDEX in demo_state
    load(saved(demo_state, tmp_path))


def test_another_numbering_of_biases(demo_levit: LeViT, demo_state: State, tmp_path: Path) -> None:
    index = dict(demo_levit.named_buffers())[INDEX].clone()
    index[3, :2] = index[3, :2].flip(0)
    with pytest.raises(
        CheckpointError, match=r"blocks\.2\.attention_bias_idxs numbers the attention biases differently"
    ):
        load(saved(demo_state | {INDEX: index}, tmp_path))


@pytest.mark.parametrize(
    "names",
    [
        [
            "conv1.weight",
            "bn1.weight",
            "layer1.0.conv1.weight",
            "layer1.0.bn1.weight",
            "fc.weight",
            "fc.bias",
        ],  # ResNet
        ["cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "head.weight"],  # ViT, DeiT
    ],
)
def test_other_architectures(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"another architecture.*{names[0]}, {names[1]}, .*Pass a LeViT"):
        load(saved({"model": {name: torch.zeros(8, 8) for name in names}}, tmp_path))


def test_hostile_names_are_shown_harmless(demo_state: State, tmp_path: Path) -> None:
    demo_state["\x1b[2Jhead" + "x" * 1000] = torch.zeros(1)
    with pytest.raises(CheckpointError) as caught:
        load(saved(demo_state, tmp_path))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600

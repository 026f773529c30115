import dataclasses
from itertools import product

import pytest
import torch

from levit_edge.model.config import CONFIGS
from levit_edge.model.key_maps import CheckpointFormat, file_keys
from levit_edge.model.levit import LeViT, attention_bias_index


def names_of(size: str) -> list[str]:
    with torch.device("meta"):
        return list(LeViT(dataclasses.replace(CONFIGS[size], distilled=True)).state_dict())


@pytest.mark.parametrize("size", CONFIGS)
def test_every_tensor_of_the_model_has_a_name(size: str) -> None:
    names = names_of(size)
    keys = file_keys(CheckpointFormat.FACEBOOK, CONFIGS[size], names)
    assert list(keys) == list(keys.values()) == names


@pytest.mark.parametrize("checkpoint_format", [CheckpointFormat.TIMM, CheckpointFormat.HUGGING_FACE])
@pytest.mark.parametrize("size", CONFIGS)
def test_no_two_tensors_share_a_name(size: str, checkpoint_format: CheckpointFormat) -> None:
    keys = file_keys(checkpoint_format, CONFIGS[size], names_of(size))
    assert len(set(keys.values())) == len(keys)


@pytest.mark.parametrize(
    ("key", "timm", "hugging_face"),
    [
        (
            "patch_embed.6.c.weight",
            "stem.conv4.linear.weight",
            "levit.patch_embeddings.embedding_layer_4.convolution.weight",
        ),
        (
            "blocks.1.m.0.c.weight",
            "stages.0.blocks.0.mlp.ln1.linear.weight",
            "levit.encoder.stages.0.layers.1.module.linear_up.linear.weight",
        ),
        (
            "blocks.4.attention_biases",
            "stages.1.downsample.attn_downsample.attention_biases",
            "levit.encoder.stages.0.layers.4.attention_biases",
        ),
        (
            "blocks.5.m.2.bn.weight",
            "stages.1.downsample.mlp.ln2.bn.weight",
            "levit.encoder.stages.0.layers.5.module.linear_down.batch_norm.weight",
        ),
        (
            "blocks.8.m.proj.1.c.weight",
            "stages.1.blocks.1.attn.proj.ln.linear.weight",
            "levit.encoder.stages.1.layers.2.module.projection.linear.weight",
        ),
        ("head_dist.l.bias", "head_dist.linear.bias", "classifier_distill.linear.bias"),
    ],
)
def test_examples_of_128s(key: str, timm: str, hugging_face: str) -> None:
    config = CONFIGS["128S"]
    assert file_keys(CheckpointFormat.TIMM, config, [key]) == {key: timm}
    assert file_keys(CheckpointFormat.HUGGING_FACE, config, [key]) == {key: hugging_face}


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("grid", [1, 2, 4, 7, 8, 14])
def test_biases_are_numbered_as_in_the_original_code(grid: int, stride: int) -> None:
    number: dict[tuple[int, int], int] = {}
    index = [
        number.setdefault((abs(query[0] - key[0]), abs(query[1] - key[1])), len(number))
        for query in product(range(0, grid, stride), repeat=2)
        for key in product(range(grid), repeat=2)
    ]
    assert attention_bias_index(grid, stride).flatten().tolist() == index


def test_bias_numbers_are_real_under_the_meta_device() -> None:
    with torch.device("meta"):
        index = attention_bias_index(4, 2)
    assert torch.equal(index, attention_bias_index(4, 2))

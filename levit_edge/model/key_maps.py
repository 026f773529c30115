"""How the original code, timm and Hugging Face name the tensors of a LeViT: pure name mapping, no tensors.

Sources: `levit.py` of https://github.com/facebookresearch/LeViT, `timm/models/levit.py` of pytorch-image-models 1.0 and
`modeling_levit.py` of Transformers. Before version 0.9 timm used the original names. The three number the blocks
differently: the original code straight through, timm by (stage, pair of attention and MLP), Hugging Face by (stage,
layer) with a shrinking attention and its MLP as the last two layers of the stage they leave.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from levit_edge.model.config import LevitConfig

__all__ = ["CheckpointFormat", "file_keys"]


class CheckpointFormat(StrEnum):
    """Whose names a checkpoint's tensors have."""

    FACEBOOK = "facebook"
    """The original research code's, which are also those of `levit_edge.model.levit.LeViT`."""
    TIMM = "timm"
    """pytorch-image-models 0.9 and later."""
    HUGGING_FACE = "huggingface"
    """Transformers' `LevitForImageClassification` and `LevitForImageClassificationWithTeacher`."""


Names = tuple[str, ...]
"""What each format calls the same thing, in the order of `CheckpointFormat`. `{conv}` counts the stem's convolutions
from 1 and `{layer_of_stem}` its layers from 0, activations included; `{block}` counts all blocks in a row; `{stage}`
counts stages and `{left_stage}` is the one before; `{pair}` counts the pairs of attention and MLP of a stage and
`{layer}` its blocks."""

STEM: Names = ("patch_embed.{layer_of_stem}", "stem.conv{conv}", "levit.patch_embeddings.embedding_layer_{conv}")
ATTENTION: Names = (
    "blocks.{block}.m",
    "stages.{stage}.blocks.{pair}.attn",
    "levit.encoder.stages.{stage}.layers.{layer}.module",
)
MLP: Names = (
    "blocks.{block}.m",
    "stages.{stage}.blocks.{pair}.mlp",
    "levit.encoder.stages.{stage}.layers.{layer}.module",
)
SHRINKING_ATTENTION: Names = (
    "blocks.{block}",
    "stages.{stage}.downsample.attn_downsample",
    "levit.encoder.stages.{left_stage}.layers.{layer}",
)
SHRINKING_MLP: Names = (
    "blocks.{block}.m",
    "stages.{stage}.downsample.mlp",
    "levit.encoder.stages.{left_stage}.layers.{layer}.module",
)
HEAD: Names = ("head", "head", "classifier")
DISTILLATION_HEAD: Names = ("head_dist", "head_dist", "classifier_distill")
QKV: Names = ("qkv", "qkv", "queries_keys_values")
KV: Names = ("kv", "kv", "keys_values")
Q: Names = ("q.1", "q.ln", "queries")
PROJECTION: Names = ("proj.1", "proj.ln", "projection")
WIDENING: Names = ("0", "ln1", "linear_up")
NARROWING: Names = ("2", "ln2", "linear_down")
NORM: Names = ("bn", "bn", "batch_norm")
CONVOLUTION: Names = ("c", "linear", "convolution")
LINEAR: Names = ("c", "linear", "linear")
CLASSIFIER: Names = ("l", "linear", "linear")


def _joined(*parts: Names) -> Names:
    return tuple(map(".".join, zip(*parts, strict=True)))


def _placed(names: Names, place: dict[str, int]) -> Names:
    return tuple(name.format(**place) for name in names)


def _linears(module: Names, *linears: Names) -> Iterator[Names]:
    for linear in linears:
        yield _joined(module, linear, LINEAR)
        yield _joined(module, linear, NORM)


def _pair(attention: Names, linears: tuple[Names, ...], mlp: Names, place: dict[str, int]) -> Iterator[Names]:
    """An attention, at `place`, and the MLP behind it."""
    attention = _placed(attention, place)
    yield attention
    yield from _linears(attention, *linears)
    behind = place | {"block": place["block"] + 1, "layer": place["layer"] + 1}
    yield from _linears(_placed(mlp, behind), WIDENING, NARROWING)


def _owners(depths: tuple[int, ...]) -> Iterator[Names]:
    """All that has tensors: what their names have in front of the last dot; always both heads."""
    for conv in range(4):
        stem = _placed(STEM, {"conv": conv + 1, "layer_of_stem": 2 * conv})
        yield from (_joined(stem, CONVOLUTION), _joined(stem, NORM))
    block = 0
    for stage, depth in enumerate(depths):
        if stage:
            place = {"block": block, "stage": stage, "left_stage": stage - 1, "layer": 2 * depths[stage - 1]}
            yield from _pair(SHRINKING_ATTENTION, (KV, Q, PROJECTION), SHRINKING_MLP, place)
            block += 2
        for pair in range(depth):
            place = {"block": block, "stage": stage, "pair": pair, "layer": 2 * pair}
            yield from _pair(ATTENTION, (QKV, PROJECTION), MLP, place)
            block += 2
    for head in (HEAD, DISTILLATION_HEAD):
        yield from (_joined(head, CLASSIFIER), _joined(head, NORM))


def file_keys(checkpoint_format: CheckpointFormat, config: LevitConfig, keys: Iterable[str]) -> dict[str, str]:
    """From each of `keys`, names in `LeViT.state_dict()` with one head or two, to the name that a checkpoint has."""
    column = list(CheckpointFormat).index(checkpoint_format)
    owners = {names[0]: names[column] for names in _owners(config.depths)}
    split = {key: key.rpartition(".") for key in keys}
    return {key: f"{owners[owner]}.{leaf}" for key, (owner, _, leaf) in split.items()}

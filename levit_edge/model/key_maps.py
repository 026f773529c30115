"""How the original code, timm and Hugging Face name the tensors of a LeViT: pure name mapping, no tensors.

Sources: `levit.py` of https://github.com/facebookresearch/LeViT, `timm/models/levit.py` of pytorch-image-models 1.0 and
`modeling_levit.py` of Transformers. Before version 0.9 timm used the original names. The three number the blocks
differently: the original code straight through, timm by (stage, pair of attention and MLP), Hugging Face by (stage,
layer) with a shrinking attention and its MLP as the last two layers of the stage they leave.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from levit_edge.model.config import LevitConfig

__all__ = ["CheckpointFormat", "file_key", "file_owners"]


class CheckpointFormat(StrEnum):
    """Whose names a checkpoint's tensors have."""

    FACEBOOK = "facebook"
    """The original research code's, which are also those of `levit_edge.model.levit.LeViT`."""
    TIMM = "timm"
    """pytorch-image-models 0.9 and later."""
    HUGGING_FACE = "huggingface"
    """Transformers' `LevitForImageClassification` and `LevitForImageClassificationWithTeacher`."""


@dataclass(frozen=True, kw_only=True)
class _Naming:
    """One code base's names.

    In the names of modules, `{conv}` counts the stem's convolutions from 1 and `{layer_of_stem}` its layers from 0,
    activations included; `{block}` counts blocks straight through; `{stage}` counts stages and `{left_stage}` is the
    one before; `{pair}` counts the pairs of attention and MLP of a stage and `{layer}` its blocks.
    An owner is what a name of a tensor has in front of its last dot: of weights, a linear and its batch norm.
    """

    stem: str
    stem_owners: tuple[str, str] = ("linear", "bn")
    attention: str
    attention_parts: tuple[str, str]
    """The linears for q, k and v, and for the result."""
    shrinking_attention: str
    shrinking_attention_parts: tuple[str, str, str]
    """The linears for k and v, for q, and for the result."""
    mlp: str
    shrinking_mlp: str
    mlp_parts: tuple[str, str]
    """The linears that widen and that narrow."""
    part_owners: tuple[str, str] = ("linear", "bn")
    heads: tuple[str, str] = ("head", "head_dist")
    head_owners: tuple[str, str] = ("linear", "bn")


_NAMINGS = {
    CheckpointFormat.FACEBOOK: _Naming(
        stem="patch_embed.{layer_of_stem}",
        stem_owners=("c", "bn"),
        attention="blocks.{block}.m",
        attention_parts=("qkv", "proj.1"),
        shrinking_attention="blocks.{block}",
        shrinking_attention_parts=("kv", "q.1", "proj.1"),
        mlp="blocks.{block}.m",
        shrinking_mlp="blocks.{block}.m",
        mlp_parts=("0", "2"),
        part_owners=("c", "bn"),
        head_owners=("l", "bn"),
    ),
    CheckpointFormat.TIMM: _Naming(
        stem="stem.conv{conv}",
        attention="stages.{stage}.blocks.{pair}.attn",
        attention_parts=("qkv", "proj.ln"),
        shrinking_attention="stages.{stage}.downsample.attn_downsample",
        shrinking_attention_parts=("kv", "q.ln", "proj.ln"),
        mlp="stages.{stage}.blocks.{pair}.mlp",
        shrinking_mlp="stages.{stage}.downsample.mlp",
        mlp_parts=("ln1", "ln2"),
    ),
    CheckpointFormat.HUGGING_FACE: _Naming(
        stem="levit.patch_embeddings.embedding_layer_{conv}",
        stem_owners=("convolution", "batch_norm"),
        attention="levit.encoder.stages.{stage}.layers.{layer}.module",
        attention_parts=("queries_keys_values", "projection"),
        shrinking_attention="levit.encoder.stages.{left_stage}.layers.{layer}",
        shrinking_attention_parts=("keys_values", "queries", "projection"),
        mlp="levit.encoder.stages.{stage}.layers.{layer}.module",
        shrinking_mlp="levit.encoder.stages.{left_stage}.layers.{layer}.module",
        mlp_parts=("linear_up", "linear_down"),
        part_owners=("linear", "batch_norm"),
        heads=("classifier", "classifier_distill"),
        head_owners=("linear", "batch_norm"),
    ),
}


def _module_owners(module: str, parts: tuple[str, ...], owners: tuple[str, str]) -> Iterator[str]:
    yield from (f"{module}.{part}.{owner}" for part in parts for owner in owners)


def _stage_owners(naming: _Naming, depths: tuple[int, ...], stage: int) -> Iterator[str]:
    block = 2 * (sum(depths[:stage]) + max(stage - 1, 0))
    if stage:
        place = {"stage": stage, "left_stage": stage - 1}
        layer = 2 * depths[stage - 1]
        attention = naming.shrinking_attention.format(block=block, layer=layer, **place)
        yield attention
        yield from _module_owners(attention, naming.shrinking_attention_parts, naming.part_owners)
        mlp = naming.shrinking_mlp.format(block=block + 1, layer=layer + 1, **place)
        yield from _module_owners(mlp, naming.mlp_parts, naming.part_owners)
        block += 2
    for pair in range(depths[stage]):
        attention = naming.attention.format(block=block, layer=2 * pair, stage=stage, pair=pair)
        yield attention
        yield from _module_owners(attention, naming.attention_parts, naming.part_owners)
        mlp = naming.mlp.format(block=block + 1, layer=2 * pair + 1, stage=stage, pair=pair)
        yield from _module_owners(mlp, naming.mlp_parts, naming.part_owners)
        block += 2


def _owners(naming: _Naming, depths: tuple[int, ...]) -> Iterator[str]:
    """Every owner of tensors, in the same order for every naming."""
    for conv in range(1, 5):
        stem = naming.stem.format(conv=conv, layer_of_stem=2 * (conv - 1))
        yield from (f"{stem}.{owner}" for owner in naming.stem_owners)
    for stage in range(len(depths)):
        yield from _stage_owners(naming, depths, stage)
    yield from (f"{head}.{owner}" for head in naming.heads for owner in naming.head_owners)


def file_owners(checkpoint_format: CheckpointFormat, config: LevitConfig) -> dict[str, str]:
    """From our name of each owner of tensors to the one a checkpoint has for it; always with both heads."""
    ours = _owners(_NAMINGS[CheckpointFormat.FACEBOOK], config.depths)
    theirs = _owners(_NAMINGS[checkpoint_format], config.depths)
    return dict(zip(ours, theirs, strict=True))


def file_key(key: str, owners: dict[str, str]) -> str:
    """The name a checkpoint has for the tensor that `LeViT.state_dict()` calls `key`, given its `file_owners`."""
    owner, _, leaf = key.rpartition(".")
    return f"{owners[owner]}.{leaf}"

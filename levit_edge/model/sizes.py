"""Reads a LeViT's widths, heads, depths, key width and ratios from the shapes of its tensors."""

import re
from collections.abc import Mapping
from dataclasses import replace

from levit_edge.errors import CheckpointError
from levit_edge.model.config import CONFIGS, LevitConfig
from levit_edge.model.key_maps import CheckpointFormat, file_keys

__all__ = ["CUSTOM", "size_of"]

CUSTOM = "custom"
"""What a size is called that is none of `CONFIGS`."""
MAX_WIDTH = 4096
MAX_DEPTH = 32
"""Twice the largest LeViT's, and more: beyond them a file is damaged or hostile."""
ATTENTIONS = {
    CheckpointFormat.TIMM: re.compile(r"stages\.([012])\.blocks\.(\d+)\.attn\.qkv\.linear\.weight"),
    CheckpointFormat.HUGGING_FACE: re.compile(
        r"levit\.encoder\.stages\.([012])\.layers\.(\d+)\.module\.queries_keys_values\.linear\.weight"
    ),
}
Shape = tuple[int, ...]


def size_of(checkpoint_format: CheckpointFormat, shapes: Mapping[str, Shape]) -> LevitConfig | None:
    """The size of the LeViT with these tensors, for 224 × 224 pixels, 1,000 classes and two heads.

    None if tensors that tell it are missing or have other axes.

    Raises:
        CheckpointError: its parts have a size each, which this LeViT cannot have; the message says which.
    """
    depths = _depths(checkpoint_format, shapes)
    if depths is None or not all(1 <= depth <= MAX_DEPTH for depth in depths):
        return None
    try:
        return _Reader(checkpoint_format, shapes, depths).config()
    except (KeyError, IndexError, ZeroDivisionError):
        return None


def _depths(checkpoint_format: CheckpointFormat, shapes: Mapping[str, Shape]) -> tuple[int, int, int] | None:
    if checkpoint_format is CheckpointFormat.FACEBOOK:
        shrinking = sorted(
            int(name.split(".")[1]) for name in shapes if re.fullmatch(r"blocks\.\d{1,4}\.kv\.c\.weight", name)
        )
        blocks = [int(found[1]) for name in shapes if (found := re.match(r"blocks\.(\d{1,4})\.", name))]
        if len(shrinking) != 2:
            return None
        first, second = shrinking
        return first // 2, (second - first - 2) // 2, (max(blocks) + 1 - second - 2) // 2
    stages = [int(found[1]) for name in shapes if (found := ATTENTIONS[checkpoint_format].fullmatch(name))]
    return stages.count(0), stages.count(1), stages.count(2)


class _Reader:
    """Looks shapes up by this package's own names."""

    def __init__(
        self, checkpoint_format: CheckpointFormat, shapes: Mapping[str, Shape], depths: tuple[int, int, int]
    ) -> None:
        self.format, self.shapes, self.depths = checkpoint_format, shapes, depths
        self.named = replace(CONFIGS["demo"], depths=depths)

    def shape(self, key: str) -> Shape:
        return self.shapes[file_keys(self.format, self.named, [key])[key]]

    def config(self) -> LevitConfig:
        first, second, _ = self.depths
        shrinking = (2 * first, 2 * (first + second) + 2)
        starts = (0, shrinking[0] + 2, shrinking[1] + 2)
        stages = [self._attention(f"blocks.{start}.m", "qkv") for start in starts]
        heads = (stages[0][0], stages[1][0], stages[2][0])
        widths = (
            self.shape("patch_embed.6.c.weight")[0],
            self.shape(f"blocks.{shrinking[0]}.proj.1.c.weight")[0],
            self.shape(f"blocks.{shrinking[1]}.proj.1.c.weight")[0],
        )
        hidden = [self.shape(f"blocks.{start + 1}.m.0.c.weight")[0] for start in starts]
        shrinks = [self._attention(f"blocks.{block}", "kv") for block in shrinking]
        key_dims = [key_dim for _, key_dim, _ in (*stages, *shrinks)]
        key_dim = int(_only("key_dim", key_dims))
        ratios = [ratio for _, _, ratio in stages] + [ratio / 2 for _, _, ratio in shrinks]
        config = LevitConfig(
            name=CUSTOM,
            widths=widths,
            heads=heads,
            depths=self.depths,
            key_dim=key_dim,
            attention_ratio=int(_only("attention_ratio", ratios)),
            mlp_ratio=int(_only("mlp_ratio", [each / width for each, width in zip(hidden, widths, strict=True)])),
        )
        _check(config, (shrinks[0][0], shrinks[1][0]))
        return config

    def _attention(self, module: str, merged: str) -> tuple[int, float, float]:
        """Heads, channels of a key, and channels of a value over those of a key."""
        heads = self.shape(f"{module}.attention_biases")[0]
        value = self.shape(f"{module}.proj.1.c.weight")[1] / heads
        keys = 2 if merged == "qkv" else 1
        key = (self.shape(f"{module}.{merged}.c.weight")[0] / heads - value) / keys
        return heads, key, value / key


def _only(what: str, values: list[float]) -> float:
    if len(set(values)) > 1 or values[0] < 1 or values[0] != int(values[0]):
        shown = ", ".join(f"{value:g}" for value in values)
        raise CheckpointError(
            f"It is a LeViT whose {what} is {shown} in its stages and shrinking attentions; supported is one whole "
            "number for all of them."
        )
    return values[0]


def _check(config: LevitConfig, shrinking_heads: tuple[int, int]) -> None:
    if shrinking_heads != config.shrinking_heads:
        raise CheckpointError(
            f"It is a LeViT whose shrinking attentions have {shrinking_heads[0]} and {shrinking_heads[1]} heads; "
            f"supported is the width before them over key_dim, {config.shrinking_heads[0]} and "
            f"{config.shrinking_heads[1]}."
        )
    if config.widths[0] % 8 or max(config.widths) > MAX_WIDTH:
        raise CheckpointError(
            f"It is a LeViT with widths {config.widths}; supported are at most {MAX_WIDTH}, the first a multiple of 8."
        )

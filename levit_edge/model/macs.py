"""Multiply-adds of one image through a LeViT: convolutions, linears and the two attention products."""

from levit_edge.model.config import LevitConfig

__all__ = ["multiply_adds"]


def multiply_adds(config: LevitConfig) -> int:
    """Multiply-adds of the deploy form for one image; norms, activations and softmax are not counted."""
    total = _stem(config)
    for stage, (width, grid) in enumerate(zip(config.widths, config.grids, strict=True)):
        tokens = grid**2
        mlp = 2 * config.mlp_ratio * width**2 * tokens
        if stage:
            before = config.widths[stage - 1]
            keys = config.grids[stage - 1] ** 2
            heads, ratio = config.shrinking_heads[stage - 1], 2 * config.attention_ratio
            total += _attention(before, width, heads, config.key_dim, ratio, tokens, keys) + mlp
        heads = config.heads[stage]
        attention = _attention(width, width, heads, config.key_dim, config.attention_ratio, tokens, tokens)
        total += config.depths[stage] * (attention + mlp)
    return total + config.widths[-1] * config.classes


def _stem(config: LevitConfig) -> int:
    total, side, inputs = 0, config.image_size, 3
    for divisor in (8, 4, 2, 1):
        outputs, side = config.widths[0] // divisor, -(-side // 2)
        total += 9 * inputs * outputs * side**2
        inputs = outputs
    return total


def _attention(inputs: int, outputs: int, heads: int, key_dim: int, ratio: int, queries: int, keys: int) -> int:
    key_width, value_width = heads * key_dim, heads * key_dim * ratio
    linears = inputs * (key_width * queries + (key_width + value_width) * keys) + value_width * outputs * queries
    return linears + queries * keys * (key_width + value_width)

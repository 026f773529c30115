"""LeViT as the paper trains it, with batch norm and the original code's parameter names.

Paper: Graham et al., "LeViT: a Vision Transformer in ConvNet's Clothing for Faster Inference", ICCV 2021.
Weights: the original research code's; `levit_edge.model.checkpoint` maps timm's and Hugging Face's names to these.
Differences from the original: written for one purpose (evaluation and short training runs, no stochastic depth), and
the attention-bias index is a buffer that is not saved, because it is a function of the grid.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from levit_edge.model.config import LevitConfig

__all__ = ["Attention", "HeadNorm", "LeViT", "Mlp", "ShrinkingAttention", "attention_bias_index"]


def attention_bias_index(grid: int, stride: int = 1) -> Tensor:
    """Which attention bias each (query, key) pair takes: int64 (queries, keys).

    Keys lie on a `grid` × `grid` square, queries on every `stride`-th point of it. A bias belongs to an absolute offset
    (|Δrow|, |Δcolumn|). The original code, on whose numbering every trained checkpoint depends, numbers the offsets in
    the order in which they first appear, queries outermost: the first query, the corner (0, 0), meets all of them row
    by row, so that the number is |Δrow| × grid + |Δcolumn|. Always a real tensor, also under `torch.device("meta")`.
    """
    points = torch.arange(grid, device="cpu")
    offsets = (points[::stride, None] - points).abs()
    index = offsets[:, None, :, None] * grid + offsets[None, :, None, :]
    return index.reshape(len(offsets) ** 2, grid**2)


class ConvNorm(nn.Sequential):
    """3×3 convolution of stride 2 without bias, then batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)


class LinearNorm(nn.Module):
    """Linear without bias on (batch, tokens, inputs), then batch norm over tokens."""

    def __init__(self, inputs: int, outputs: int, norm_weight: float = 1.0) -> None:
        super().__init__()
        self.c = nn.Linear(inputs, outputs, bias=False)
        self.bn = nn.BatchNorm1d(outputs)
        nn.init.constant_(self.bn.weight, norm_weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c(x)
        normalised: Tensor = self.bn(x.flatten(0, 1))
        return normalised.view_as(x)


class HeadNorm(nn.Sequential):
    """Batch norm, then the classifier."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(inputs)
        self.l = nn.Linear(inputs, classes)
        nn.init.trunc_normal_(self.l.weight, std=0.02)
        nn.init.zeros_(self.l.bias)


class Subsample(nn.Module):
    """Every second token of each row and column of the grid."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, x: Tensor) -> Tensor:
        batch, _, channels = x.shape
        return x.view(batch, self.grid, self.grid, channels)[:, ::2, ::2].reshape(batch, -1, channels)


class _BiasedAttention(nn.Module):
    """What both attentions share: softmax(q kᵀ / sqrt(key_dim) + bias) v for (batch, tokens, heads, dim) inputs."""

    attention_bias_idxs: Tensor

    def __init__(self, heads: int, key_dim: int, grid: int, stride: int) -> None:
        super().__init__()
        self.heads, self.key_dim = heads, key_dim
        self.scale = key_dim**-0.5
        index = attention_bias_index(grid, stride)
        self.attention_biases = nn.Parameter(torch.zeros(heads, int(index.max()) + 1))
        self.register_buffer("attention_bias_idxs", index, persistent=False)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        bias = self.attention_biases[:, self.attention_bias_idxs]
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) * self.scale + bias
        return torch.einsum("bhqk,bkhd->bqhd", scores.softmax(dim=-1), v).flatten(2)


class Attention(_BiasedAttention):
    """Self-attention on a square token grid: (batch, tokens, width) -> the same shape."""

    def __init__(self, width: int, heads: int, key_dim: int, ratio: int, grid: int) -> None:
        super().__init__(heads, key_dim, grid, stride=1)
        self.value_dim = ratio * key_dim
        self.qkv = LinearNorm(width, heads * (2 * key_dim + self.value_dim))
        self.proj = nn.Sequential(nn.Hardswish(), LinearNorm(heads * self.value_dim, width, norm_weight=0.0))

    def forward(self, x: Tensor) -> Tensor:
        heads: Tensor = self.qkv(x).unflatten(2, (self.heads, -1))
        q, k, v = torch.split_with_sizes(heads, [self.key_dim, self.key_dim, self.value_dim], dim=3)
        projected: Tensor = self.proj(self.attend(q, k, v))
        return projected


class ShrinkingAttention(_BiasedAttention):
    """Attention whose queries are every second grid point: (batch, tokens, inputs) -> (batch, tokens/4, outputs)."""

    def __init__(self, inputs: int, outputs: int, heads: int, key_dim: int, ratio: int, grid: int) -> None:
        super().__init__(heads, key_dim, grid, stride=2)
        self.value_dim = ratio * key_dim
        self.kv = LinearNorm(inputs, heads * (key_dim + self.value_dim))
        self.q = nn.Sequential(Subsample(grid), LinearNorm(inputs, heads * key_dim))
        self.proj = nn.Sequential(nn.Hardswish(), LinearNorm(heads * self.value_dim, outputs))

    def forward(self, x: Tensor) -> Tensor:
        heads: Tensor = self.kv(x).unflatten(2, (self.heads, -1))
        k, v = torch.split_with_sizes(heads, [self.key_dim, self.value_dim], dim=3)
        q: Tensor = self.q(x).unflatten(2, (self.heads, self.key_dim))
        projected: Tensor = self.proj(self.attend(q, k, v))
        return projected


class Mlp(nn.Sequential):
    """Linear, hardswish, linear, each linear with batch norm."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__(
            LinearNorm(width, ratio * width), nn.Hardswish(), LinearNorm(ratio * width, width, norm_weight=0.0)
        )


class Residual(nn.Module):
    """x + m(x)."""

    def __init__(self, m: nn.Module) -> None:
        super().__init__()
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.m(x)
        return added


def _stem(width: int) -> nn.Sequential:
    widths = (3, width // 8, width // 4, width // 2, width)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [ConvNorm(inputs, outputs), nn.Hardswish()]
    return nn.Sequential(*layers[:-1])


def _blocks(config: LevitConfig) -> list[nn.Module]:
    blocks: list[nn.Module] = []
    for stage, (width, grid) in enumerate(zip(config.widths, config.grids, strict=True)):
        if stage:
            blocks += [
                ShrinkingAttention(
                    config.widths[stage - 1],
                    width,
                    config.shrinking_heads[stage - 1],
                    config.key_dim,
                    2 * config.attention_ratio,
                    config.grids[stage - 1],
                ),
                Residual(Mlp(width, config.mlp_ratio)),
            ]
        for _ in range(config.depths[stage]):
            attention = Attention(width, config.heads[stage], config.key_dim, config.attention_ratio, grid)
            blocks += [Residual(attention), Residual(Mlp(width, config.mlp_ratio))]
    return blocks


class LeViT(nn.Module):
    """A LeViT with batch norm: float32 (batch, 3, size, size) normalised pixels -> (batch, classes) logits.

    With two heads the result is the mean of both, as the original code evaluates.
    """

    def __init__(self, config: LevitConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = _stem(config.widths[0])
        self.blocks = nn.Sequential(*_blocks(config))
        self.head = HeadNorm(config.widths[-1], config.classes)
        self.head_dist = HeadNorm(config.widths[-1], config.classes) if config.distilled else None

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.blocks(self.patch_embed(images).flatten(2).transpose(1, 2)).mean(1)
        logits: Tensor = self.head(tokens)
        if self.head_dist is None:
            return logits
        distilled: Tensor = self.head_dist(tokens)
        return (logits + distilled) / 2

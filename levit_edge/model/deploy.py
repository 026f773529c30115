"""LeViT as it runs on a device: Conv2d, Linear, bmm, add, softmax, hardswish and shape changes, nothing else.

The form is chosen for what edge runtimes hold in one piece (measured on ExecuTorch's XNNPACK and ONNX Runtime):
tokens are two-dimensional, (batch × tokens, channels), so that every linear is a plain matrix product;
q, k and v are separate linears, because a split leaves nodes outside the delegate; attention runs on three-dimensional
operands, because a four-dimensional matmul brings copies; the strided subsample in front of a shrinking attention's q
is the stride of a 1×1 convolution; the token mean is a mean over the two spatial dimensions.

`levit_edge.model.fuse` makes it from a trained LeViT by exact algebra.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from levit_edge.model.config import LevitConfig

__all__ = [
    "ChannelScale",
    "DeployAttention",
    "DeployLeViT",
    "DeployMlp",
    "DeployShrinkingAttention",
    "DeployStem",
    "Product",
]


def to_grid(tokens: Tensor, grid: int) -> Tensor:
    """(batch × grid², channels) -> (batch, channels, grid, grid)."""
    return tokens.reshape(-1, grid, grid, tokens.shape[1]).permute(0, 3, 1, 2)


def to_tokens(images: Tensor) -> Tensor:
    """(batch, channels, grid, grid) -> (batch × grid², channels)."""
    return images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])


class ChannelScale(nn.Module):
    """(batch, channels, height, width) times one factor for each channel."""

    factors: Tensor

    def __init__(self, factors: Tensor) -> None:
        super().__init__()
        self.register_buffer("factors", factors.view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return images * self.factors


class DeployStem(nn.Sequential):
    """Four 3×3 convolutions of stride 2 with hardswish between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inputs = 3
        for number, outputs in enumerate((width // 8, width // 4, width // 2, width), start=1):
            if number > 1:
                self.add_module(f"act{number - 1}", nn.Hardswish())
            self.add_module(f"conv{number}", nn.Conv2d(inputs, outputs, 3, stride=2, padding=1))
            inputs = outputs

    def scale_input(self, convolution: str, factors: Tensor) -> None:
        """Multiply the channels of `convolution`'s input by `factors` at run time, and divide its weights by them."""
        layers = dict(self.named_children())
        for name, layer in layers.items():
            delattr(self, name)
            if name == convolution and isinstance(layer, nn.Conv2d):
                self.add_module(name.replace("conv", "scale"), ChannelScale(factors))
                layer.weight.div_(factors.view(1, -1, 1, 1))
            self.add_module(name, layer)

    def unscale_input(self, convolution: str) -> None:
        """Take back what `scale_input` did, if it did."""
        name = convolution.replace("conv", "scale")
        if isinstance(scale := dict(self.named_children()).get(name), ChannelScale):
            self.get_submodule(convolution).get_parameter("weight").mul_(scale.factors)
            delattr(self, name)


class Product(nn.Module):
    """The matrix product of the last two dimensions, the others being batches."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return torch.bmm(left, right) if left.ndim == 3 else left @ right


class DeployAttention(nn.Module):
    """softmax(q kᵀ + bias) v, hardswish, projection: (batch × tokens, width) -> the same shape.

    The 1/sqrt(key_dim) scale is part of `q`; `bias` is the constant (heads, queries, keys). Where `q` is divided
    further (`levit_edge.quantize.float16_scores`), `restore` multiplies back what `scores` gives.
    """

    bias: Tensor

    def __init__(self, width: int, heads: int, key_dim: int, ratio: int, grid: int) -> None:
        super().__init__()
        self.heads, self.queries, self.keys = heads, grid**2, grid**2
        self.q = nn.Linear(width, heads * key_dim)
        self.k = nn.Linear(width, heads * key_dim)
        self.v = nn.Linear(width, heads * key_dim * ratio)
        self.scores, self.restore, self.context = Product(), nn.Identity(), Product()
        self.act = nn.Hardswish()
        self.proj = nn.Linear(heads * key_dim * ratio, width)
        self.register_buffer("bias", torch.zeros(heads, self.queries, self.keys))

    def forward(self, tokens: Tensor) -> Tensor:
        attended = attend(self, self.q(tokens), self.k(tokens), self.v(tokens))
        projected: Tensor = self.proj(self.act(attended))
        return projected


class DeployShrinkingAttention(nn.Module):
    """Attention of every second grid point to all of them: (batch × keys, inputs) -> (batch × queries, outputs)."""

    bias: Tensor

    def __init__(self, inputs: int, outputs: int, heads: int, key_dim: int, ratio: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        queries = (-(-grid // 2)) ** 2
        self.q = nn.Conv2d(inputs, heads * key_dim, 1, stride=2)
        self.k = nn.Linear(inputs, heads * key_dim)
        self.v = nn.Linear(inputs, heads * key_dim * ratio)
        self.scores, self.restore, self.context = Product(), nn.Identity(), Product()
        self.act = nn.Hardswish()
        self.proj = nn.Linear(heads * key_dim * ratio, outputs)
        self.register_buffer("bias", torch.zeros(heads, queries, grid**2))

    def forward(self, tokens: Tensor) -> Tensor:
        q = to_tokens(self.q(to_grid(tokens, self.grid)))
        attended = attend(self, q, self.k(tokens), self.v(tokens))
        projected: Tensor = self.proj(self.act(attended))
        return projected


def attend(block: DeployAttention | DeployShrinkingAttention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q kᵀ + bias) v of two-dimensional tokens, by the `block`'s products and with its bias.

    Shapes: q (batch × queries, heads × key_dim), k (batch × keys, heads × key_dim),
    v (batch × keys, heads × value_dim); returns (batch × queries, heads × value_dim).
    """
    heads, queries, keys = block.bias.shape
    batch = q.shape[0] // queries
    if batch == 1:
        query = q.reshape(queries, heads, -1).permute(1, 0, 2)
        key = k.reshape(keys, heads, -1).permute(1, 2, 0)
        value = v.reshape(keys, heads, -1).permute(1, 0, 2)
        weights = F.softmax(block.restore(block.scores(query, key)) + block.bias, dim=-1)
        context: Tensor = block.context(weights, value)
        return context.permute(1, 0, 2).reshape(queries, -1)
    query = q.reshape(batch, queries, heads, -1).permute(0, 2, 1, 3)
    key = k.reshape(batch, keys, heads, -1).permute(0, 2, 3, 1)
    value = v.reshape(batch, keys, heads, -1).permute(0, 2, 1, 3)
    weights = F.softmax(block.restore(block.scores(query, key)) + block.bias, dim=-1)
    context = block.context(weights, value)
    return context.permute(0, 2, 1, 3).reshape(batch * queries, -1)


class DeployMlp(nn.Module):
    """Linear, hardswish, linear: (batch × tokens, width) -> the same shape."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, ratio * width)
        self.act = nn.Hardswish()
        self.down = nn.Linear(ratio * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        down: Tensor = self.down(self.act(self.up(tokens)))
        return down


def _blocks(config: LevitConfig) -> list[nn.Module]:
    """The blocks in the order, and so with the indices, of the trained network."""
    blocks: list[nn.Module] = []
    for stage, (width, grid) in enumerate(zip(config.widths, config.grids, strict=True)):
        if stage:
            before, heads = config.widths[stage - 1], config.shrinking_heads[stage - 1]
            ratio, key_grid = 2 * config.attention_ratio, config.grids[stage - 1]
            blocks.append(DeployShrinkingAttention(before, width, heads, config.key_dim, ratio, key_grid))
            blocks.append(DeployMlp(width, config.mlp_ratio))
        for _ in range(config.depths[stage]):
            blocks.append(DeployAttention(width, config.heads[stage], config.key_dim, config.attention_ratio, grid))
            blocks.append(DeployMlp(width, config.mlp_ratio))
    return blocks


class DeployLeViT(nn.Module):
    """The deploy form: float32 (batch, 3, size, size) normalised pixels -> (batch, classes) logits."""

    def __init__(self, config: LevitConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = DeployStem(config.widths[0])
        self.blocks = nn.ModuleList(_blocks(config))
        self.scale: nn.Module = nn.Identity()
        self.head = nn.Linear(config.widths[-1], config.classes)

    def forward(self, images: Tensor) -> Tensor:
        tokens = to_tokens(self.stem(images))
        for index in range(len(self.blocks)):
            tokens = self.run_block(index, tokens)
        return self.classify(tokens)

    def run_block(self, index: int, tokens: Tensor) -> Tensor:
        """The residual stream after block `index`, from the one before it."""
        block = self.blocks[index]
        after: Tensor = block(tokens)
        return after if isinstance(block, DeployShrinkingAttention) else tokens + after

    def classify(self, tokens: Tensor) -> Tensor:
        """(batch × tokens, channels) of the last stream -> (batch, classes)."""
        means = to_grid(tokens, self.config.grids[-1]).mean((2, 3), keepdim=True)
        logits: Tensor = self.head(self.scale(means).flatten(1))
        return logits

    def scale_means(self, factors: Tensor) -> None:
        """Multiply the channels of what the head reads by `factors` at run time, and divide its weights by them."""
        self.scale = ChannelScale(factors)
        self.head.weight.div_(factors)

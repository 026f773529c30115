"""Trained LeViT -> deploy form, by exact algebra in float64.

With batch norm y = g (x − m) / sqrt(v + ε) + b in evaluation mode:

* after a linear or convolution W x:      W' = s W,            b' = b − s m          with s = g / sqrt(v + ε);
* before a linear W x + c (the heads):    W' = W diag(s),      c' = c + W (b − s m);
* two heads whose outputs are averaged:   W' = (W₁ + W₂) / 2,  c' = (c₁ + c₂) / 2;
* softmax(q kᵀ / sqrt(d) + bias):         q' = q / sqrt(d).

`fuse` checks its own result on random images and refuses to return a network that differs.
"""

import torch
from torch import Tensor, nn

from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployAttention, DeployLeViT, DeployMlp, DeployShrinkingAttention
from levit_edge.model.levit import Attention, ConvNorm, HeadNorm, LeViT, LinearNorm, Mlp, ShrinkingAttention

__all__ = ["MAX_RELATIVE_ERROR", "fuse", "relative_error"]

MAX_RELATIVE_ERROR = 1e-4
"""Largest accepted max |Δlogit| / max |logit| of the deploy form; float32 rounding alone gives about 1e-6."""

Folded = tuple[Tensor, Tensor]
"""Weight and bias, float64."""


def fuse(levit: LeViT) -> DeployLeViT:
    """Return the deploy form of `levit`, float32, in evaluation mode.

    Raises:
        QuantizationError: its logits differ from the trained network's by more than `MAX_RELATIVE_ERROR`.
    """
    with torch.no_grad():
        deploy = DeployLeViT(levit.config).eval().requires_grad_(False)
        _copy_stem(levit, deploy)
        for trained, target in zip(levit.blocks, deploy.blocks, strict=True):
            _copy_block(getattr(trained, "m", trained), target)
        _store(deploy.head, _averaged_heads(levit))
        error = relative_error(levit, deploy)
    if not error <= MAX_RELATIVE_ERROR:  # also catches NaN
        raise QuantizationError(
            f"folding batch norm changed the logits by {error:.1e} of the largest, expected at most"
            f" {MAX_RELATIVE_ERROR:.0e}. The checkpoint's batch-norm statistics are extreme: check that it is"
            " a trained model and that its running variances are not close to zero."
        )
    return deploy


def relative_error(reference: LeViT | DeployLeViT, candidate: nn.Module, images: int = 2) -> float:
    """Return max |Δlogit| / max |logit| over seeded standard-normal images, both in evaluation mode."""
    size = reference.config.image_size
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(images, 3, size, size, generator=generator)
    was_training = reference.training
    with torch.no_grad():
        expected, found = reference.eval()(batch), candidate(batch)
    reference.train(was_training)
    return float((found - expected).abs().max() / expected.abs().max())


def _copy_stem(levit: LeViT, deploy: DeployLeViT) -> None:
    trained = [module for module in levit.patch_embed if isinstance(module, ConvNorm)]
    targets = [module for module in deploy.stem if isinstance(module, nn.Conv2d)]
    for source, target in zip(trained, targets, strict=True):
        _store(target, _folded(source))


def _copy_block(trained: nn.Module, target: nn.Module) -> None:
    match trained, target:
        case Mlp(), DeployMlp():
            _store(target.up, _folded(trained[0]))
            _store(target.down, _folded(trained[2]))
        case Attention(), DeployAttention():
            weight, bias = _folded(trained.qkv)
            sizes = (trained.key_dim, trained.key_dim, trained.value_dim)
            q, k, v = _split_heads(weight, bias, trained.heads, sizes)
            _copy_attention(trained, target, (q, k, v))
        case ShrinkingAttention(), DeployShrinkingAttention():
            weight, bias = _folded(trained.kv)
            k, v = _split_heads(weight, bias, trained.heads, (trained.key_dim, trained.value_dim))
            _copy_attention(trained, target, (_folded(trained.q[1]), k, v))


def _copy_attention(
    trained: Attention | ShrinkingAttention,
    target: DeployAttention | DeployShrinkingAttention,
    qkv: tuple[Folded, Folded, Folded],
) -> None:
    (weight, bias), k, v = qkv
    _store(target.q, (weight * trained.scale, bias * trained.scale))
    _store(target.k, k)
    _store(target.v, v)
    _store(target.proj, _folded(trained.proj[1]))
    target.bias.copy_(trained.attention_biases[:, trained.attention_bias_idxs])


def _split_heads(weight: Tensor, bias: Tensor, heads: int, sizes: tuple[int, ...]) -> list[Folded]:
    """Rows of a merged linear, stored head by head, as one (weight, bias) for each of `sizes`."""
    weights = torch.split(weight.view(heads, sum(sizes), -1), list(sizes), dim=1)
    biases = torch.split(bias.view(heads, sum(sizes)), list(sizes), dim=1)
    return [(w.flatten(0, 1), b.flatten()) for w, b in zip(weights, biases, strict=True)]


def _scale_and_shift(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Folded:
    """The s and b − s m of the module's docstring."""
    mean, variance = norm.get_buffer("running_mean").double(), norm.get_buffer("running_var").double()
    scale = norm.weight.double() / (variance + norm.eps).sqrt()
    return scale, norm.bias.double() - scale * mean


def _folded(layer: nn.Module) -> Folded:
    """A bias-free linear or convolution `c` and the batch norm `bn` behind it."""
    if not isinstance(layer, ConvNorm | LinearNorm):
        raise TypeError(f"found {type(layer).__name__}, expected a layer followed by batch norm")
    scale, shift = _scale_and_shift(layer.bn)
    weight = layer.c.weight.double()
    return weight * scale.view(-1, *[1] * (weight.ndim - 1)), shift


def _folded_head(head: HeadNorm) -> Folded:
    scale, shift = _scale_and_shift(head.bn)
    weight = head.l.weight.double()
    return weight * scale, head.l.bias.double() + weight @ shift


def _averaged_heads(levit: LeViT) -> Folded:
    weight, bias = _folded_head(levit.head)
    if levit.head_dist is None:
        return weight, bias
    second_weight, second_bias = _folded_head(levit.head_dist)
    return (weight + second_weight) / 2, (bias + second_bias) / 2


def _store(target: nn.Conv2d | nn.Linear, folded: Folded) -> None:
    weight, bias = folded
    target.weight.copy_(weight.view(target.weight.shape))
    target.get_parameter("bias").copy_(bias)

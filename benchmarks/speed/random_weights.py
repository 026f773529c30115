"""A LeViT that was not trained, for timing: what it computes is of ordinary size everywhere, and nothing in it is 0.

How it starts training would not do: batch norms in front of the residual stream begin with weight 0, so that exporters
and runtimes might drop what is multiplied by them.
"""

import torch
from torch import nn

from levit_edge.model.config import LevitConfig
from levit_edge.model.levit import HeadNorm, LeViT

__all__ = ["random_levit"]

IMAGES = 32
"""With a few, the statistics fit these images alone, and the streams of others grow from block to block."""
SMALL = 0.1
"""Deviation of biases."""


def random_levit(config: LevitConfig, seed: int) -> LeViT:
    """In evaluation mode; batch-norm statistics are those of standard-normal images.

    The heads' are not: what they see differs little from one such image to the next, and would be blown up.
    """
    generator = torch.Generator().manual_seed(seed)
    model = LeViT(config).requires_grad_(False)
    for parameter in model.parameters():
        deviation = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else SMALL
        parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0  # statistics of the one batch below
            module.weight.copy_(0.5 + torch.rand(module.weight.shape, generator=generator))
    model.train()(torch.randn(IMAGES, 3, config.image_size, config.image_size, generator=generator))
    for module in model.modules():
        if isinstance(module, HeadNorm):
            module.bn.reset_running_stats()
    return model.eval()

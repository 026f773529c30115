"""How layers compute, one file for each scheme, and which layer gets which; here, which layers there are."""

from torch import nn

from levit_edge.model.deploy import DeployLeViT

__all__ = ["Layer", "quantizable_layers"]

Layer = nn.Conv2d | nn.Linear


def quantizable_layers(deploy: DeployLeViT) -> dict[str, Layer]:
    """Every convolution and linear by its name, in execution order."""
    return {name: module for name, module in deploy.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}

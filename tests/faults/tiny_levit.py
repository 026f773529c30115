"""A LeViT of three blocks and 64 × 64 pixels."""

from dataclasses import replace
from pathlib import Path

from levit_edge.model.config import LevitConfig

__all__ = ["SMALL", "TINY", "write_checkpoint"]

TINY = LevitConfig(
    name="tiny",
    widths=(16, 24, 32),
    heads=(1, 2, 2),
    depths=(1, 0, 0),
    key_dim=8,
    image_size=64,
    resize=64,
    classes=3,
    distilled=False,
)
SMALL = replace(TINY, name="small", depths=(1, 1, 1), classes=10)
"""With the demo's classes, and told from its shapes as people's own sizes are."""


def write_checkpoint(path: Path, seed: int = 0, config: LevitConfig = TINY) -> Path:
    """Weights that nobody trained, in the original code's form."""
    import torch

    from tests.model.conftest import seeded_levit

    torch.save({"model": seeded_levit(config, seed).state_dict()}, path)
    return path

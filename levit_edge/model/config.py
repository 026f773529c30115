"""The LeViT sizes: widths, depths, preprocessing, official weights and published accuracy.

This module is the single source of each of these numbers. Architecture figures are the `specification`
table of the original code (Graham et al., "LeViT: a Vision Transformer in ConvNet's Clothing for Faster
Inference", ICCV 2021, https://arxiv.org/abs/2104.01136, table 2); the accuracies are those of its README.
"""

import re
from dataclasses import dataclass, replace
from typing import Protocol

__all__ = ["CONFIGS", "OFFICIAL_SIZES", "LevitConfig", "OfficialWeights", "size_named"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
STEM_STRIDE = 16  # four 3×3 convolutions of stride 2
WEIGHTS_BASE_URL = "https://dl.fbaipublicfiles.com/LeViT/"


@dataclass(frozen=True, kw_only=True)
class OfficialWeights:
    """The published ImageNet-1k checkpoint of one size."""

    file_name: str
    """File name; by convention of the original code it carries `sha256_prefix`."""
    sha256_prefix: str
    """The first eight hex digits of the file's SHA-256."""
    hugging_face_id: str
    """The same weights on the Hugging Face hub."""
    top1: float
    """Published ImageNet-1k top-1 accuracy, percent."""
    top5: float
    """Published ImageNet-1k top-5 accuracy, percent."""

    @property
    def url(self) -> str:
        """Where the file is published."""
        return WEIGHTS_BASE_URL + self.file_name


class Prepares(Protocol):
    """What says how photographs are made an input; the values are as in `LevitConfig`."""

    @property
    def resize(self) -> int: ...
    @property
    def squash(self) -> bool: ...
    @property
    def interpolation(self) -> str: ...
    @property
    def mean(self) -> tuple[float, float, float]: ...
    @property
    def std(self) -> tuple[float, float, float]: ...


@dataclass(frozen=True, kw_only=True)
class LevitConfig:
    """What a LeViT of one size is.

    Tuples have one entry per stage. `mlp_ratio` and `attention_ratio` are 2 in every published size.
    """

    name: str
    """The size as given to `--model`: 128S, 128, 192, 256, 384 or demo."""
    widths: tuple[int, int, int]
    """Channels of each stage's residual stream."""
    heads: tuple[int, int, int]
    """Attention heads of each stage."""
    depths: tuple[int, int, int]
    """Attention + MLP pairs of each stage."""
    key_dim: int
    """Channels of one query or key."""
    image_size: int = 224
    """Side of the square input, pixels."""
    resize: int = 256
    """Length of the short side before the centre crop, pixels (the original evaluation protocol)."""
    squash: bool = False
    """Whether photographs are resized to a square, whatever their proportions."""
    interpolation: str = "bicubic"
    """How photographs are resampled: bicubic, bilinear or lanczos."""
    classes: int = 1000
    """Outputs of the classifier."""
    distilled: bool = True
    """Whether there is a second (distillation) head, whose output is averaged with the first one's."""
    attention_ratio: int = 2
    """Channels of one value head over `key_dim`; twice that in a shrinking attention."""
    mlp_ratio: int = 2
    """Hidden over outer width of an MLP."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Per-channel mean of the training images, of values in [0, 1]."""
    std: tuple[float, float, float] = IMAGENET_STD
    """Per-channel standard deviation of the training images, of values in [0, 1]."""
    weights: OfficialWeights | None = None
    """The published checkpoint, if there is one."""

    @property
    def grids(self) -> tuple[int, int, int]:
        """Side of each stage's square token grid."""
        first = -(-self.image_size // STEM_STRIDE)
        second = -(-first // 2)
        return (first, second, -(-second // 2))

    @property
    def shrinking_heads(self) -> tuple[int, int]:
        """Heads of the two shrinking attentions: the width that enters over `key_dim`."""
        return (self.widths[0] // self.key_dim, self.widths[1] // self.key_dim)

    def prepared_as(self, stated: Prepares) -> "LevitConfig":
        """The same network, whose photographs are prepared as somebody else has stated for its input size."""
        return replace(
            self,
            resize=stated.resize,
            squash=stated.squash,
            interpolation=stated.interpolation,
            mean=stated.mean,
            std=stated.std,
        )


def _published(
    size: str,
    widths: tuple[int, int, int],
    heads: tuple[int, int, int],
    depths: tuple[int, int, int],
    key_dim: int,
    weights: tuple[str, float, float],
) -> LevitConfig:
    """A size of the paper; `weights` are the SHA-256's beginning, top-1 and top-5 of the checkpoint."""
    sha256_prefix, top1, top5 = weights
    official = OfficialWeights(
        file_name=f"LeViT-{size}-{sha256_prefix}.pth",
        sha256_prefix=sha256_prefix,
        hugging_face_id=f"facebook/levit-{size}",
        top1=top1,
        top5=top5,
    )
    return LevitConfig(name=size, widths=widths, heads=heads, depths=depths, key_dim=key_dim, weights=official)


DEMO = LevitConfig(
    name="demo",
    widths=(64, 96, 128),
    heads=(4, 6, 8),
    depths=(1, 2, 2),
    key_dim=8,
    image_size=128,
    resize=146,  # 128 × 256 / 224, the same protocol
    classes=10,
    distilled=False,
)
CONFIGS: dict[str, LevitConfig] = {
    config.name: config
    for config in (
        _published("128S", (128, 256, 384), (4, 6, 8), (2, 3, 4), 16, ("96703c44", 76.6, 92.9)),
        _published("128", (128, 256, 384), (4, 8, 12), (4, 4, 4), 16, ("b88c2750", 78.6, 94.0)),
        _published("192", (192, 288, 384), (3, 5, 6), (4, 4, 4), 32, ("92712e41", 80.0, 94.7)),
        _published("256", (256, 384, 512), (4, 6, 8), (4, 4, 4), 32, ("13b5763e", 81.6, 95.4)),
        _published("384", (384, 512, 768), (6, 9, 12), (4, 4, 4), 32, ("9bdaf2e2", 82.6, 96.0)),
        DEMO,
    )
}

OFFICIAL_SIZES: tuple[str, ...] = tuple(name for name, config in CONFIGS.items() if config.weights)
NAME = re.compile(r"(?:levit[-_ ]?(?:conv[-_])?)?(\w+)(?:\.fb_dist_in1k)?", re.IGNORECASE | re.ASCII)
"""A size as the paper, people and timm (with the tag of the published weights) write it."""


def size_named(name: str) -> str | None:
    """The one of `CONFIGS` that is called so: `128S` for 128s, LeViT-128S and timm's levit_128s; None: none is."""
    match = NAME.fullmatch(name.strip())
    return {size.lower(): size for size in CONFIGS}.get(match[1].lower()) if match else None

"""What the configuration beside a checkpoint says of preprocessing: timm's `pretrained_cfg`, Transformers' processor.

Sources: `transforms_imagenet_eval` of `timm/data/transforms_factory.py` (pytorch-image-models 1.0) and
`image_processing_levit.py` of Transformers. What would be done otherwise than there is refused, never ignored.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from levit_edge.errors import CheckpointError
from levit_edge.model.config import IMAGENET_MEAN, IMAGENET_STD

__all__ = ["LEVIT_PROTOCOL", "PreprocessingOrigin", "StatedPreprocessing", "stated_by_timm", "stated_by_transformers"]

TIMM_CROP = 0.875
"""timm's `crop_pct` where none is stated."""
RESAMPLING = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of filters, as Transformers states them."""
LARGEST = 1e9
"""Of a number that can be meant."""
OTHER_RESAMPLING = {0: "nearest", 4: "box", 5: "hamming"}
LEVIT_PROCESSORS = frozenset(
    {"LevitFeatureExtractor", "LevitImageProcessor", "LevitImageProcessorFast", "LevitImageProcessorPil"}
)
PLAIN_PROCESSORS = frozenset({"ViTFeatureExtractor", "ViTImageProcessor", "ViTImageProcessorFast"})
"""They resize to height and width, and cut nothing out."""
ADVICE = "Say all of it yourself, with --resize, --interpolation, --mean and --std (and --crop squash), to go on."
Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class PreprocessingOrigin:
    """Whose word a checkpoint's preprocessing is."""

    text: str = "LeViT's own, as nothing beside the weights states another"
    fault: str | None = None
    """What the checkpoint states and levit-edge does not do; its `LevitConfig` has LeViT's own then."""


LEVIT_PROTOCOL = PreprocessingOrigin()


@dataclass(frozen=True, kw_only=True)
class StatedPreprocessing:
    """How photographs are made a model's input, as its own configuration says."""

    origin: str
    """The file, and the key in it."""
    image_size: int
    """Side of the square that is left, pixels."""
    resize: int
    """Pixels of the short side before the centre is cut out; of both sides if `squash`."""
    squash: bool = field(default=False)
    """Whether photographs lose their proportions, and none of their content, in resizing."""
    interpolation: str
    mean: Triple
    std: Triple

    def __str__(self) -> str:
        how = f"both sides to {self.resize}" if self.squash else f"the short side to {self.resize}"
        return f"{self.origin} ({how}, {self.interpolation}, mean {self.mean}, deviation {self.std})"


def stated_by_timm(pretrained: Mapping[str, Any], image_size: int, origin: str) -> StatedPreprocessing | None:
    """What timm's `pretrained_cfg` says; None if it says nothing of preprocessing.

    `image_size` is the side that the weights are made for; `pretrained` may state another only by mistake.

    Raises:
        CheckpointError: it says what levit-edge does not do, or nothing that makes sense.
    """
    known = ("input_size", "crop_pct", "crop_mode", "crop_border_pixels", "interpolation", "mean", "std")
    if all(pretrained.get(key) is None for key in known):
        return None
    _check_input_size(pretrained.get("input_size"), image_size, origin)
    if pretrained.get("crop_border_pixels"):
        raise _unsupported(origin, "crop_border_pixels", pretrained["crop_border_pixels"])
    crop_mode = pretrained.get("crop_mode") or "center"
    if crop_mode not in ("center", "squash"):
        raise _unsupported(origin, "crop_mode", crop_mode)
    crop = pretrained.get("crop_pct") or TIMM_CROP
    if not _is_number(crop) or not 0.1 <= crop <= 1:
        raise _unsupported(origin, "crop_pct", crop)
    interpolation = pretrained.get("interpolation") or "bicubic"
    if interpolation not in RESAMPLING.values():
        raise _unsupported(origin, "interpolation", interpolation)
    return StatedPreprocessing(
        origin=origin,
        image_size=image_size,
        resize=math.floor(image_size / crop),
        squash=crop_mode == "squash",
        interpolation=interpolation,
        mean=_triple(pretrained, "mean", IMAGENET_MEAN, origin),
        std=_triple(pretrained, "std", IMAGENET_STD, origin),
    )


def stated_by_transformers(processor: Mapping[str, Any], image_size: int, origin: str) -> StatedPreprocessing:
    """What Transformers' preprocessor_config.json says; keys that are not there are `LevitImageProcessor`'s own.

    Raises:
        CheckpointError: as `stated_by_timm`.
    """
    kind = processor.get("image_processor_type") or processor.get("feature_extractor_type") or "LevitImageProcessor"
    if not isinstance(kind, str) or kind not in LEVIT_PROCESSORS | PLAIN_PROCESSORS:
        raise _unsupported(origin, "image_processor_type", kind)
    for key, expected in {"do_resize": True, "do_rescale": True, "do_pad": False}.items():
        if processor.get(key, expected) not in (expected, None):
            raise _unsupported(origin, key, processor[key])
    factor = processor.get("rescale_factor", 1 / 255)
    if not _is_number(factor) or not math.isclose(factor, 1 / 255, rel_tol=1e-6):
        raise _unsupported(origin, "rescale_factor", factor)
    resample = processor.get("resample", 3 if kind in LEVIT_PROCESSORS else 2)
    if not isinstance(resample, int) or resample not in RESAMPLING:
        named = OTHER_RESAMPLING.get(resample, resample) if isinstance(resample, int) else resample
        raise _unsupported(origin, "resample", named)
    resize, squash = _transformers_size(processor, kind, image_size, origin)
    normalised = processor.get("do_normalize", True)
    default = (IMAGENET_MEAN, IMAGENET_STD) if kind in LEVIT_PROCESSORS else ((0.5,) * 3, (0.5,) * 3)
    return StatedPreprocessing(
        origin=origin,
        image_size=image_size,
        resize=resize,
        squash=squash,
        interpolation=RESAMPLING[resample],
        mean=_triple(processor, "image_mean", default[0], origin) if normalised else (0.0, 0.0, 0.0),
        std=_triple(processor, "image_std", default[1], origin) if normalised else (1.0, 1.0, 1.0),
    )


def _transformers_size(processor: Mapping[str, Any], kind: str, image_size: int, origin: str) -> tuple[int, bool]:
    """The length that sides are resized to, and whether all of them are."""
    is_levit = kind in LEVIT_PROCESSORS
    size = processor.get("size", image_size)
    if _is_side(size):
        size = {"shortest_edge": size} if is_levit else {"height": size, "width": size}
    cropped = is_levit and processor.get("do_center_crop", True)
    if cropped:
        crop = processor.get("crop_size", image_size)
        sides = [crop.get("height"), crop.get("width")] if isinstance(crop, dict) else [crop, crop]
        if sides != [image_size] * 2 or not all(map(_is_side, sides)):
            raise _contradiction(origin, "crop_size", crop, image_size)
    if not isinstance(size, dict):
        raise _unsupported(origin, "size", size)
    if is_levit and _is_side(size.get("shortest_edge")) and cropped:
        return int((256 / 224) * size["shortest_edge"]), False
    height, width = size.get("height"), size.get("width")
    if height != width or (not cropped and height != image_size) or not _is_side(height):
        raise _unsupported(origin, "size", {**size, "do_center_crop": cropped})
    return height, True


def _check_input_size(stated: object, image_size: int, origin: str) -> None:
    if stated is None:
        return
    if not isinstance(stated, list) or len(stated) != 3 or stated[0] != 3:
        raise _unsupported(origin, "input_size", stated)
    if stated[1] != stated[2]:
        raise CheckpointError(f"{origin} says input_size {stated}: images that are not square are not supported.")
    if stated[1] != image_size:
        raise _contradiction(origin, "input_size", stated, image_size)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _is_side(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 4096


def _triple(stated: Mapping[str, Any], key: str, default: Triple, origin: str) -> Triple:
    value = stated.get(key)
    if value is None:
        return default
    if _is_number(value):
        value = [value] * 3
    if not isinstance(value, list) or len(value) != 3 or not all(map(_is_number, value)):
        raise _unsupported(origin, key, value)
    return (float(value[0]), float(value[1]), float(value[2]))


def _unsupported(origin: str, key: str, value: object) -> CheckpointError:
    return CheckpointError(f"{origin} says {key} = {str(value)[:100]!r}, which levit-edge does not do. {ADVICE}")


def _contradiction(origin: str, key: str, value: object, image_size: int) -> CheckpointError:
    return CheckpointError(
        f"{origin} says {key} = {str(value)[:100]}, but the weights are those of a LeViT for {image_size}×{image_size} "
        "images. Pass a folder whose files belong together."
    )

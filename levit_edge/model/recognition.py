"""Which LeViT a set of tensor names and shapes is: whose names they are, and of which size.

Every pair of naming and size predicts a name and a shape for each tensor; the pair that most tensors agree with is
taken. So a file in which some tensors are missing or damaged is still recognised, and they can be named.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from math import isqrt

import torch

from levit_edge.errors import CheckpointError
from levit_edge.model.config import CONFIGS, STEM_STRIDE, LevitConfig
from levit_edge.model.key_maps import CheckpointFormat, file_keys
from levit_edge.model.levit import LeViT
from levit_edge.model.sizes import size_of
from levit_edge.text import counted, listed

__all__ = ["Recognition", "Shape", "recognise", "tensor_shapes", "without_kernel"]

Shape = tuple[int, ...]

DAMAGED_TENSORS = 5
"""So many tensors of other shapes are another size, fewer are damage."""
MAX_IMAGE_SIZE = 512
"""Pixels. The bias index of an attention has (size / 16)⁴ entries: beyond this a file is damaged or hostile."""


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """What a checkpoint was recognised as."""

    format: CheckpointFormat
    config: LevitConfig
    """With the checkpoint's own class count, heads and image size."""
    keys: dict[str, str]
    """From every name in `LeViT(config).state_dict()`, and of its bias indices, to the checkpoint's name."""


@cache
def tensor_shapes(config: LevitConfig) -> dict[str, Shape]:
    """Name and shape of every float tensor of `LeViT(config).state_dict()`."""
    with torch.device("meta"):
        state = LeViT(config).state_dict()
    return {key: tuple(tensor.shape) for key, tensor in state.items() if tensor.is_floating_point()}


def without_kernel(shape: Shape) -> Shape:
    """A 1×1 convolution's weight shape as a linear's: timm's levit_conv models store linears so."""
    return shape[:2] if len(shape) == 4 and shape[2:] == (1, 1) else shape


def _comparable(key: str, shape: Shape) -> Shape:
    """What of a tensor's shape tells the size: not the class count, and not the image size."""
    if key.endswith("attention_biases"):
        return shape[:1]
    if key.startswith(("head.l.", "head_dist.l.")):
        return shape[1:]
    return without_kernel(shape)


def _agreement(candidate: Recognition, shapes: Mapping[str, Shape]) -> tuple[int, int]:
    """How many tensors have both a name of `candidate` and its shape, and how many have such a name."""
    expected = tensor_shapes(candidate.config)
    named = [key for key in expected if candidate.keys[key] in shapes]
    shaped = sum(_comparable(key, shapes[candidate.keys[key]]) == _comparable(key, expected[key]) for key in named)
    return shaped, len(named)


def _best_candidate(shapes: Mapping[str, Shape]) -> Recognition:
    """The pair of naming and size, always with two heads, that agrees best."""
    candidates = []
    for checkpoint_format, size in product(CheckpointFormat, CONFIGS.values()):
        config = replace(size, distilled=True)
        keys = file_keys(checkpoint_format, config, tensor_shapes(config))
        candidate = Recognition(format=checkpoint_format, config=config, keys=keys)
        agreement = _agreement(candidate, shapes)
        candidates.append((agreement, candidate))
        if agreement[0] == len(shapes):
            break
    return max(candidates, key=lambda each: each[0])[1]


def _fitted(candidate: Recognition, shapes: Mapping[str, Shape]) -> Recognition:
    """`candidate`, or the network of any other size that agrees with more tensors.

    Raises:
        CheckpointError: the shapes are consistently those of a size that this LeViT cannot have.
    """
    shaped, named = _agreement(candidate, shapes)
    missing = _missing(candidate, shapes)
    if shaped == len(shapes) and not missing:
        return candidate
    try:
        config = size_of(candidate.format, shapes)
    except CheckpointError:
        if named - shaped < DAMAGED_TENSORS:
            return candidate
        raise
    if config is None:
        return candidate
    keys = file_keys(candidate.format, config, tensor_shapes(config))
    other = Recognition(format=candidate.format, config=config, keys=keys)
    better = (*_agreement(other, shapes), -_missing(other, shapes)) > (shaped, named, -missing)
    return other if better else candidate


def _missing(candidate: Recognition, shapes: Mapping[str, Shape]) -> int:
    """How many of its tensors, other than its heads', are not there."""
    body = (key for key in tensor_shapes(candidate.config) if not key.startswith("head"))
    return sum(candidate.keys[key] not in shapes for key in body)


def _classes(candidate: Recognition, shapes: Mapping[str, Shape]) -> int:
    for head in ("head", "head_dist"):
        shape = shapes.get(candidate.keys[f"{head}.l.weight"], ())
        if shape and shape[0] > 0:
            return shape[0]
    return candidate.config.classes


def _check_stem(candidate: Recognition, shapes: Mapping[str, Shape]) -> None:
    """Raise a CheckpointError for timm's stem of three convolutions, which shrinks by 8 only."""
    third, fourth = (candidate.keys[f"patch_embed.{layer}.c.weight"] for layer in (4, 6))
    width = shapes.get(candidate.keys["blocks.0.m.qkv.c.weight"], ())[1:2]
    if fourth not in shapes and width and width == shapes.get(third, ())[:1]:
        raise CheckpointError(
            "It is a LeViT whose stem has three convolutions and shrinks by 8, as timm's levit_384_s8 and "
            "levit_512_s8; supported are stems of four, which shrink by 16."
        )


def _check_square(candidate: Recognition, shapes: Mapping[str, Shape], biases: int) -> None:
    """Raise a CheckpointError if every attention on the first grid has a bias count that no square grid has."""
    shrinking = candidate.keys[f"blocks.{2 * candidate.config.depths[0]}.attention_biases"]
    if isqrt(biases) ** 2 != biases and shapes.get(shrinking, ())[1:] == (biases,):
        raise CheckpointError(
            f"Its first stage has {biases} tokens, which form no square: it was trained for images that are not "
            "square, and non-square input is not supported."
        )


def _with_image_size(config: LevitConfig, biases: int) -> LevitConfig:
    """`config` for the square image whose first stage has that many attention biases (one per token)."""
    grid = isqrt(biases)
    if grid == config.grids[0] or grid == 0 or grid**2 != biases:
        return config
    image_size = STEM_STRIDE * grid
    if image_size > MAX_IMAGE_SIZE:
        raise CheckpointError(
            f"The attention biases are those of a LeViT for {image_size}×{image_size} images; "
            f"at most {MAX_IMAGE_SIZE}×{MAX_IMAGE_SIZE} is supported. Check that this is the intended file."
        )
    return replace(config, image_size=image_size, resize=round(image_size * 256 / 224))


def _own_config(candidate: Recognition, shapes: Mapping[str, Shape]) -> LevitConfig:
    first_stage = [f"blocks.{2 * pair}.m.attention_biases" for pair in range(candidate.config.depths[0])]
    found = [shapes[candidate.keys[key]] for key in first_stage if candidate.keys[key] in shapes]
    biases = Counter(shape[1] for shape in found if len(shape) == 2).most_common(1)
    if biases:
        _check_square(candidate, shapes, biases[0][0])
    config = _with_image_size(candidate.config, biases[0][0]) if biases else candidate.config
    distilled = any(key in shapes for own, key in candidate.keys.items() if own.startswith("head_dist."))
    return replace(config, classes=_classes(candidate, shapes), distilled=distilled)


def _check_is_levit(candidate: Recognition, shapes: Mapping[str, Shape]) -> None:
    shaped, named = _agreement(candidate, shapes)
    if 2 * named < len(shapes):
        raise CheckpointError(
            f"This is another architecture: its {counted(len(shapes), 'tensor')} do not have LeViT's names,"
            " neither those of the "
            f"original code nor timm's nor Hugging Face's: {listed(list(shapes))}. "
            "Pass a LeViT checkpoint with its classifier."
        )
    if 2 * shaped < named:
        width = shapes.get(candidate.keys["patch_embed.6.c.weight"], ())[:1]
        raise CheckpointError(
            f"The names are those of a LeViT ({candidate.format}), but the shapes are those of none of the sizes "
            f"{', '.join(CONFIGS)}" + (f": its first stage is {width[0]} wide" if width else "") + "."
        )


def recognise(shapes: Mapping[str, Shape]) -> Recognition:
    """Recognise the LeViT that has these tensors.

    Args:
        shapes: name and shape of each float tensor, names without wrappers' prefixes.

    Raises:
        CheckpointError: the names are not LeViT's, or the shapes are not those of a known size.
    """
    candidate = _best_candidate(shapes)
    _check_stem(candidate, shapes)
    candidate = _fitted(candidate, shapes)
    _check_is_levit(candidate, shapes)
    config = _own_config(candidate, shapes)
    names = tensor_shapes(config)
    indices = {key.replace("attention_biases", "attention_bias_idxs") for key in names}
    return Recognition(
        format=candidate.format, config=config, keys=file_keys(candidate.format, config, [*names, *indices])
    )

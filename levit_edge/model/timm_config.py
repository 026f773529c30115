"""What timm's config.json says about a network: checked against the weights, and refused where it computes otherwise.

Source: `timm/models/levit.py` of pytorch-image-models 1.0, whose `model_args` these are.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from levit_edge.errors import CheckpointError
from levit_edge.model.config import LevitConfig
from levit_edge.model.sizes import CUSTOM

__all__ = ["check_timm", "refuse_other_networks", "silu_architecture"]

ARCHITECTURE = re.compile(r"levit_(?:conv_)?(128s|128|192|256|384)")
OTHER_ARCHITECTURE = re.compile(r"levit_(?:conv_)?(384_s8|512_s8|512|256d|512d)")
"""Those with SiLU; with `_s8`, a stem of three convolutions."""
SILU_SIZES = {
    ((512, 768, 1024), (8, 12, 16), (4, 4, 4)): "levit_512",
    ((256, 384, 512), (4, 6, 8), (4, 8, 6)): "levit_256d",
    ((512, 640, 768), (8, 10, 12), (4, 8, 6)): "levit_512d",
}
ACTIVATION_KEYS = ("act_layer", "attn_act_layer", "hidden_act")
HARD_SWISH = ("hardswish", "hswish")
ONLY = {"stem_type": "s16", "global_pool": "avg", "down_op": "subsample", "in_chans": 3}
"""The one supported value of an option."""


def silu_architecture(config: LevitConfig) -> str | None:
    """The network of timm with these sizes whose activation is SiLU, which its weights do not tell."""
    return SILU_SIZES.get((config.widths, config.heads, config.depths))


def refuse_other_networks(content: Mapping[str, Any]) -> None:
    """Raise a CheckpointError where config.json says another activation, stem or pooling than LeViT's own."""
    arguments = _arguments(content)
    for key in ACTIVATION_KEYS:
        for place in (content, arguments):
            if (stated := place.get(key)) is not None and not _is_hard_swish(stated):
                raise CheckpointError(
                    f"config.json says {key} = {_shown(stated)}: supported is hard-swish only, the paper's activation. "
                    "With another one every output would be wrong."
                )
    for key, only in ONLY.items():
        if (stated := arguments.get(key)) is not None and stated != only:
            raise CheckpointError(f"config.json says {key} = {_shown(stated)}: supported is {_shown(only)} only.")
    other = OTHER_ARCHITECTURE.fullmatch(str(content.get("architecture", "")))
    said = [place.get("act_layer") for place in (content, arguments)]
    if other and (other[1].endswith("_s8") or said == [None, None]):
        stem = " and whose stem shrinks by 8" if other[1].endswith("_s8") else ""
        raise CheckpointError(
            f"config.json says {other[0]}, whose activation is SiLU{stem}: supported are LeViTs with hard-swish and a "
            "stem that shrinks by 16."
        )
    pretrained = content.get("pretrained_cfg")
    sizes = (pretrained.get("input_size") if isinstance(pretrained, dict) else None, arguments.get("img_size"))
    for size in sizes:
        if isinstance(size, list) and len(size) >= 2 and size[-1] != size[-2]:
            raise CheckpointError(
                f"config.json says images of {_shown(size)}: non-square input is not supported, only square images."
            )


def check_timm(content: Mapping[str, Any], config: LevitConfig) -> None:
    """Raise a CheckpointError where the architecture or its arguments contradict the weights' sizes."""
    arguments = _arguments(content)
    expected: dict[str, tuple[object, ...]] = {
        "embed_dim": (list(config.widths),),
        "num_heads": (list(config.heads),),
        "depth": (list(config.depths),),
        "key_dim": (config.key_dim,),
        "attn_ratio": (config.attention_ratio, [config.attention_ratio] * 3),
        "mlp_ratio": (config.mlp_ratio, [config.mlp_ratio] * 3),
        "img_size": (config.image_size, [config.image_size] * 2),
        "num_classes": (config.classes,),
    }
    stated = {key: arguments[key] for key in expected if arguments.get(key) is not None}
    for key, value in stated.items():
        if value not in expected[key]:
            raise CheckpointError(
                f"config.json says {key} = {_shown(value)} in model_args, but the weights are those of a "
                f"LeViT-{config.name} with {_shown(expected[key][0])}. Pass a folder whose two files belong together."
            )
    size = ARCHITECTURE.fullmatch(str(content.get("architecture", "")))
    changed = config.name == CUSTOM and bool(stated.keys() - {"img_size", "num_classes"})
    if size and size[1].upper() != config.name and not changed:
        raise CheckpointError(f"config.json says {size[0]}, but the weights are those of a LeViT-{config.name}.")


def _arguments(content: Mapping[str, Any]) -> dict[str, Any]:
    arguments = content.get("model_args")
    return arguments if isinstance(arguments, dict) else {}


def _is_hard_swish(stated: object) -> bool:
    return isinstance(stated, str) and re.sub("[^a-z]", "", stated.lower()) in HARD_SWISH


def _shown(value: object) -> str:
    return json.dumps(value)[:200]

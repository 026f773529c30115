"""timm's and Transformers' LeViT with the checkpoint's weights, and their files.

timm's own initial weights are of no use to measure with: 20 of its batch norms begin with weight 0, and what they
multiply is then a constant.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from levit_edge.documents import from_json, to_json
from levit_edge.errors import CheckpointError
from levit_edge.model.checkpoint import Checkpoint
from levit_edge.model.config import LevitConfig
from levit_edge.model.key_maps import CheckpointFormat, file_keys

__all__ = ["Library", "fold", "import_library", "network", "read_network", "write_network"]


class Library(StrEnum):
    """Whose LeViT."""

    TIMM = "timm"
    TRANSFORMERS = "transformers"


FORMATS = {Library.TIMM: CheckpointFormat.TIMM, Library.TRANSFORMERS: CheckpointFormat.HUGGING_FACE}
NOT_IN_FILES = ("attention_bias_idxs", "num_batches_tracked")
"""Functions of the image size, and counters of training."""
TORCHVISION_OPERATORS = ("nms", "qnms")


def network(library: Library, checkpoint: Checkpoint) -> nn.Module:
    """Its LeViT in evaluation mode, float32 (N, 3, size, size) -> (N, classes), with the weights of `checkpoint`."""
    state = checkpoint.model.state_dict()
    keys = file_keys(FORMATS[library], checkpoint.config, state)
    theirs = {keys[key]: value for key, value in state.items() if not key.endswith(NOT_IN_FILES)}
    return _with_weights(library, checkpoint.config, theirs)


def fold(model: nn.Module) -> nn.Module:
    """The network of timm with its batch norms folded by timm's own helper for deployment."""
    from timm.utils import reparameterize_model

    folded: nn.Module = reparameterize_model(model)
    return folded


def write_network(library: Library, checkpoint: Checkpoint, file: Path) -> None:
    """Its weights as the safetensors file that `read_network` opens."""
    from safetensors.torch import save_file

    model = network(library, checkpoint)
    state = {name: value.contiguous() for name, value in _core(model).state_dict().items()}
    metadata = {"library": str(library), "config": json.dumps(to_json(checkpoint.config))}
    save_file(state, file, metadata)


def import_library(file: Path) -> None:
    """Import whose network is in `file`: its memory and its seconds are not the network's."""
    library, config = _read_metadata(file)
    with torch.device("meta"):
        _architecture(library, config)


def read_network(file: Path) -> nn.Module:
    """The network that `write_network` wrote."""
    from safetensors.torch import load_file

    library, config = _read_metadata(file)
    return _with_weights(library, config, load_file(file))


def _read_metadata(file: Path) -> tuple[Library, LevitConfig]:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    config = from_json(LevitConfig, json.loads(metadata["config"]), CheckpointError, str(file))
    return Library(metadata["library"]), config


def _with_weights(library: Library, config: LevitConfig, state: Mapping[str, Tensor]) -> nn.Module:
    model = _architecture(library, config)
    missing, unexpected = _core(model).load_state_dict(dict(state), strict=False)
    lost = [name for name in missing if not name.endswith(NOT_IN_FILES)]
    if lost or unexpected:
        raise CheckpointError(f"{library}'s LeViT has other tensors than expected: {(lost + unexpected)[:4]}.")
    return model.requires_grad_(False).eval()


def _architecture(library: Library, config: LevitConfig) -> nn.Module:
    _define_torchvision_operators()
    return _timm(config) if library == Library.TIMM else _LogitsOnly(_transformers(config))


def _timm(config: LevitConfig) -> nn.Module:
    from timm.models import levit

    kind = levit.LevitDistilled if config.distilled else levit.Levit
    model: nn.Module = kind(
        img_size=config.image_size,
        num_classes=config.classes,
        embed_dim=config.widths,
        key_dim=config.key_dim,
        depth=config.depths,
        num_heads=config.heads,
        attn_ratio=config.attention_ratio,
        mlp_ratio=config.mlp_ratio,
    )
    return model


def _transformers(config: LevitConfig) -> nn.Module:
    import transformers

    stages = len(config.widths)
    kinds = (transformers.LevitForImageClassification, transformers.LevitForImageClassificationWithTeacher)
    model: nn.Module = kinds[config.distilled](
        transformers.LevitConfig(
            image_size=config.image_size,
            hidden_sizes=list(config.widths),
            num_attention_heads=list(config.heads),
            depths=list(config.depths),
            key_dim=[config.key_dim] * stages,
            attention_ratio=[config.attention_ratio] * stages,
            mlp_ratio=[config.mlp_ratio] * stages,
            num_labels=config.classes,
        )
    )
    return model


class _LogitsOnly(nn.Module):
    """Transformers' classifier as users export it: of its outputs, the logits."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, size, size) -> (N, classes)."""
        logits: Tensor = self.classifier(pixel_values=images).logits
        return logits


def _core(model: nn.Module) -> nn.Module:
    return model.classifier if isinstance(model, _LogitsOnly) else model


_defined: list[Any] = []


def _define_torchvision_operators() -> None:
    """Beside a torch without CUDA, the torchvision of the package index cannot load its operators, and then its import
    fails: timm and Transformers import it, a LeViT needs none of them.
    """
    if _defined:
        return
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    _defined.append(library)
    for operator in TORCHVISION_OPERATORS:
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

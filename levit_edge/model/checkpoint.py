"""Reads a trained LeViT from the original code's, timm's or Hugging Face's files.

Nothing in a checkpoint is believed: `weight_file` checks the container, `recognition` tells naming and size, and here
it is checked that every tensor is there, fits and is finite. A file of torch.save carries checksums, so that any
flipped bit is found; a safetensors file carries none: a changed weight is found only if it is no finite number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isinf, isnan
from pathlib import Path

import torch
from torch import Tensor

from levit_edge.documents import parse_json
from levit_edge.errors import CheckpointError
from levit_edge.model.class_lists import ClassList
from levit_edge.model.config import CONFIGS, LevitConfig, size_named
from levit_edge.model.hub_config import PROCESSOR_FILE, HubConfig, clean_labels, read_hub_config
from levit_edge.model.hub_preprocessing import LEVIT_PROTOCOL, PreprocessingOrigin
from levit_edge.model.key_maps import CheckpointFormat
from levit_edge.model.levit import LeViT
from levit_edge.model.license import stated_license
from levit_edge.model.networks import Network, find_network
from levit_edge.model.recognition import Recognition, recognise, tensor_shapes, without_kernel
from levit_edge.model.shards import refuse_one_shard
from levit_edge.model.substitutes import Tensors, with_original_layers
from levit_edge.model.timm_config import silu_architecture
from levit_edge.model.weight_file import WeightFile, read_weight_file
from levit_edge.text import counted, listed

__all__ = ["Checkpoint", "CheckpointFormat", "load", "read_checkpoint"]

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A trained LeViT and where it came from."""

    model: LeViT
    """In eval mode, float32, without gradients."""
    config: LevitConfig
    """The recognised size, with the checkpoint's own class count, heads and image size."""
    format: CheckpointFormat
    labels: tuple[str, ...] | None
    """Class names in the order of the outputs, if the checkpoint names them."""
    entry: str | None
    """Which of the file's entries the weights are, such as `state_dict_ema`; None if the file is nothing else."""
    other_entries: tuple[str, ...]
    """The other LeViTs in the file, which `weights` may name instead."""
    notes: tuple[str, ...]
    """What a user should know: tensors that were left out, layers that are not as in a trained LeViT."""
    path: Path
    """The weights file that was read: inside a folder, the one that was chosen; of shards, their index.

    `sha256` is then that of the hashes of all shards.
    """
    sha256: str
    """SHA-256 of that file, 64 hex digits."""
    preprocessing_origin: PreprocessingOrigin = LEVIT_PROTOCOL
    """Whose word the preprocessing in `config` is."""
    license: str | None = None
    """Under which licence the files say that they are; see `levit_edge.model.license`."""


def read_checkpoint(path: Path | str, size: str | None = None, weights: str | None = None) -> Checkpoint:
    """Read a checkpoint file, or a folder with config.json and weights, by its content.

    Args:
        path: original `.pth`, timm or Hugging Face weights (torch.save or safetensors), or a folder of the hub.
        size: the size it has to be, one of `CONFIGS`; None takes any.
        weights: which entry of a file with several networks, such as `state_dict_ema`; None takes what the format's
            own evaluation takes (see `levit_edge.model.networks`).

    Raises:
        CheckpointError: it cannot be read, is no LeViT, not of this size, or not sound; the message says what to do.
    """
    named = None if size is None else size_named(size)
    if size is not None and named is None:
        raise CheckpointError(f"There is no LeViT of size {size!r}; expected one of {', '.join(CONFIGS)}.")
    try:
        return _read(Path(path), named, weights)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def load(path: Path | str, size: str | None = None) -> LeViT:
    """A trained LeViT in evaluation mode: float32 (N, 3, H, W) normalised pixels -> (N, classes) logits.

    Args:
        path: original `.pth`, timm or Hugging Face weights (torch.save or safetensors), or a folder of the hub.
        size: the size it has to be, such as `128S`; None takes any.

    Raises:
        CheckpointError: it cannot be read, is no LeViT, not of this size, or not sound.
    """
    return read_checkpoint(path, size).model


def _read(path: Path, size: str | None, wanted: str | None) -> Checkpoint:
    folder = read_hub_config(path) if path.is_dir() else None
    weights = folder.weights if folder else path
    refuse_one_shard(weights)
    file = read_weight_file(weights)
    network = find_network(file.entries, wanted)
    read = with_original_layers(Tensors(tensors=network.tensors, names=network.names))
    tensors, names = read.tensors, read.names
    found = recognise({name: tuple(tensor.shape) for name, tensor in tensors.items() if not _is_index(name)})
    if size is not None and found.config.name != size:
        raise CheckpointError(
            f"It is a LeViT-{found.config.name} ({found.format}), and LeViT-{size} was asked for. "
            f"Pass --model {found.config.name}, or another checkpoint."
        )
    if folder:
        folder.check(found.config)
    elif silu := silu_architecture(found.config):
        raise CheckpointError(
            f"Its sizes are those of timm's {silu}, whose activation is SiLU; supported is hard-swish. If it was "
            'trained with hard-swish, pass its folder with a config.json that says "act_layer": "hard_swish".'
        )
    if found.config.classes == 1:
        raise CheckpointError("It has one output, so that every image is of the same class: expected two or more.")
    _check_names(found, tensors, names)
    unread = () if folder else _beside(path)
    config, origin = _with_preprocessing(found.config, folder, unread)
    found = replace(found, config=config)
    labels, told_by = _labels(folder, file, config.classes)
    return Checkpoint(
        model=_build(found, tensors, names),
        entry=network.name or None,
        other_entries=network.others,
        notes=(*_left_out(network), *read.notes, *told_by, *_unread_note(path, unread)),
        config=config,
        format=found.format,
        labels=labels,
        path=weights,
        sha256=file.sha256,
        preprocessing_origin=origin,
        license=stated_license(path if folder else None, folder.content if folder else {}, file.metadata),
    )


def _beside(path: Path) -> tuple[str, ...]:
    """The names of files beside weights that may describe them, and are read only of a folder."""
    return tuple(name for name in ("config.json", PROCESSOR_FILE) if (path.parent / name).is_file())


def _unread_note(path: Path, unread: Sequence[str]) -> tuple[str, ...]:
    if not unread:
        return ()
    return (
        f"{' and '.join(unread)} beside the weights not read: if the weights are theirs, pass the folder {path.parent}"
        " to have its class names and preprocessing",
    )


def _with_preprocessing(
    config: LevitConfig, folder: HubConfig | None, unread: Sequence[str]
) -> tuple[LevitConfig, PreprocessingOrigin]:
    """`config` with the preprocessing that the folder states, if that can be done; `unread` may state another."""
    try:
        stated = None if folder is None else folder.preprocessing(config.image_size)
    except CheckpointError as error:
        return config, PreprocessingOrigin(fault=str(error))
    if stated is None and unread:
        beside = " and ".join(unread)
        return config, PreprocessingOrigin(text=f"LeViT's own, as {beside} beside the weights was not read")
    if stated is None:
        return config, LEVIT_PROTOCOL
    return config.prepared_as(stated), PreprocessingOrigin(text=stated.origin)


def _is_index(name: str) -> bool:
    return name.endswith("attention_bias_idxs")


def _check_names(found: Recognition, tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
    """Raise a CheckpointError that names missing, extra and wrong-shaped tensors as the file does."""
    expected = {found.keys[key]: shape for key, shape in tensor_shapes(found.config).items()}
    known = set(found.keys.values())
    missing = [name for name in expected if name not in tensors]
    extra = [names[name] for name in tensors if name not in known]
    misshaped = [
        f"{names[name]} {tuple(tensors[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in tensors and without_kernel(tuple(tensors[name].shape)) != shape
    ]
    problems = [
        f"{len(affected)} {what}: {listed(affected)}"
        for what, affected in (("missing", missing), ("extra", extra), ("of the wrong shape", misshaped))
        if affected
    ]
    if problems:
        raise CheckpointError(
            f"It looks like a LeViT-{found.config.name} ({found.format}), but of its tensors are "
            + "; ".join(problems)
            + "."
        )


def _left_out(network: Network) -> tuple[str, ...]:
    count = len(network.outside)
    if not count:
        return ()
    return (f"{count} tensor{'s' if count > 1 else ''} beside the network left out: {listed(network.outside)}",)


def _float32(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A float32 copy of a weight in memory of its own, of `shape`, after checking its values."""
    if tensor.dtype not in FLOATS:
        raise CheckpointError(f"{listed([name])} is {tensor.dtype}; expected floating-point weights.")
    value = tensor.detach().to(torch.float32, copy=True).reshape(shape).contiguous()
    low, high = (float(end) for end in value.aminmax())  # NaN if any value is
    if isnan(low) or isinf(low) or isinf(high):
        kind = "NaN" if isnan(low) else "infinite"
        raise CheckpointError(f"{listed([name])} holds {kind} values. Its training went wrong, or it is damaged.")
    if name.endswith("running_var") and low < 0:
        raise CheckpointError(f"{listed([name])} holds a negative variance, {low:g}. It is damaged.")
    return value


def _check_index(name: str, stated: Tensor, ours: Tensor) -> None:
    if stated.shape != ours.shape or not bool((stated == ours).all()):
        raise CheckpointError(
            f"{listed([name])} numbers the attention biases differently from the original code: with these weights "
            "the results would be wrong. Expected the numbering of the published checkpoints."
        )


def _build(found: Recognition, tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> LeViT:
    """The model with these tensors, built without initialising any weight."""
    with torch.device("meta"):
        model = LeViT(found.config)
    for key, buffer in model.named_buffers():
        stated = tensors.get(found.keys[key]) if _is_index(key) else None
        if stated is not None:
            _check_index(names[found.keys[key]], stated, buffer)
    shapes = tensor_shapes(found.config)
    state = {
        key: _float32(names[found.keys[key]], tensors[found.keys[key]], shapes[key])
        if key in shapes
        else torch.zeros((), dtype=torch.int64)  # batches seen in training: evaluation does not look at it
        for key in model.state_dict()
    }
    model.load_state_dict(state, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def _labels(folder: HubConfig | None, file: WeightFile, classes: int) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The class names that config.json, the file's metadata or its other entries state, and notes about the last."""
    labels = folder.labels if folder else None
    if labels is None and "labels" in file.metadata:
        stated = parse_json(file.metadata["labels"].encode(), CheckpointError, "The list of labels in its metadata")
        labels = clean_labels(stated)
    if labels is not None and len(labels) != classes:
        raise CheckpointError(
            f"It names {counted(len(labels), 'class')}, but its classifier has {counted(classes, 'output')}."
        )
    return _labels_beside(file.class_lists, classes) if labels is None else (labels, ())


def _labels_beside(class_lists: Sequence[ClassList], classes: int) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The class names in one of a file's entries, unless there are others that say otherwise."""
    fitting = {each.place: clean_labels(list(each.names)) for each in class_lists if len(each.names) == classes}
    named = {place: labels for place, labels in fitting.items() if labels is not None}
    if len(set(named.values())) == 1:
        return next(iter(named.values())), (f"class names: those in its entry {listed([*named])}",)
    if named:
        return None, (f"its entries {listed([*named])} name its classes differently: none was taken",)
    others = [f"{each.place} ({counted(len(each.names), 'name')})" for each in class_lists if each.place not in fitting]
    note = f"class names for another number than its {counted(classes, 'output')} left out: {listed(others)}"
    return None, (note,) if others else ()

"""Finds the LeViTs in a weights file: in which entry they lie, and behind which prefix of their tensors' names.

A training script saves more than one network (`state_dict` and `state_dict_ema`, `student.` and `teacher.`), and puts
any words in front of its names. Which of several is taken, where nothing is asked for, is what the format's own
evaluation takes: the original code's `--eval` and timm's `validate.py` evaluate `model` and `state_dict`, the trained
weights; their running average only where it is asked for (`--use-ema`). So does Lightning.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.torch_file import MAX_BYTES, shown_key
from levit_edge.text import listed

__all__ = ["Network", "find_network"]

PREFERRED = ("", "model", "state_dict", "module", "model_state_dict", "model_ema", "state_dict_ema", "ema")
"""Which entry is taken without `--weights`: the file itself, then these, in order."""
TOP_LEVEL = "top-level"
"""What the file itself is called where it holds other networks too."""
WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and training frameworks put in front of every name."""
COUNTERS = ("num_batches_tracked", "n_averaged")
"""Counters of training, by the last part of their names."""
BODY = re.compile(
    r"((?:.*?\.)??)(?:patch_embed\.[0246]\.(?:c|bn|weight|bias)\b"
    r"|blocks\.\d+\.(?:m\.)?(?:qkv|kv|q|proj|[02]|attention_bias)"
    r"|stem\.conv\d\.(?:linear|bn|weight|bias)\b|stages\.\d\.downsample\.(?:attn_downsample|mlp)\."
    r"|stages\.\d\.blocks\.\d+\.(?:attn\.(?:qkv|proj|attention_bias)|mlp\.ln)"
    r"|levit\.(?:patch_embeddings|encoder)\.)"
)
"""How the names of a LeViT's tensors begin, in each format, behind any prefix."""
HEAD = re.compile(r"(?:head|head_dist|classifier|classifier_distill)\.")


@dataclass(frozen=True, kw_only=True)
class Network:
    """The tensors of one network of a file."""

    name: str
    """What `--weights` calls it; empty where the file is nothing else."""
    names: dict[str, str]
    """From each name without prefix to the file's own; without training's counters."""
    tensors: dict[str, Tensor]
    """By the names without prefix."""
    outside: tuple[str, ...]
    """The file's own names of tensors that belong to no network."""
    others: tuple[str, ...]
    """What `--weights` calls the file's other networks."""


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    entry: str
    name: str
    names: list[tuple[str, str]]
    """(without prefix, the file's own)."""
    outside: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Group:
    """The tensors behind one prefix."""

    prefix: str
    """Behind wrappers' prefixes."""
    own_prefixes: set[str] = field(default_factory=set)
    names: list[tuple[str, str]] = field(default_factory=list)


def find_network(entries: Mapping[str, Mapping[str, Tensor]], wanted: str | None) -> Network:
    """The network called `wanted`; for None the only one, or the one that the format's own evaluation takes.

    Args:
        entries: the file's state dicts; "" is the file itself.
        wanted: what `--weights` says.

    Raises:
        CheckpointError: there is none of that name, nothing says which of several is meant, or it holds more than
            named tensors.
    """
    candidates = [each for entry, state in entries.items() for each in _candidates(entry, state)]
    names = [each.name or TOP_LEVEL for each in candidates]
    if wanted is not None and wanted not in names:
        held = f"LeViTs {listed(names, 12)}" if names else "none"
        raise CheckpointError(f"It holds no LeViT called {wanted!r}, as --weights says, but {held}.")
    if wanted is not None:
        chosen = candidates[names.index(wanted)]
    elif candidates:
        chosen = _preferred(candidates)
    else:  # another architecture, which is told where its tensors are recognised
        entry = next((entry for entry in (*PREFERRED[1:], "") if entry in entries), next(iter(entries)))
        own = [name for name in entries[entry] if isinstance(name, str)]
        chosen = _Candidate(entry=entry, name=entry, names=[(_without_wrappers(name), name) for name in own])
    others = tuple(name for name, each in zip(names, candidates, strict=True) if each is not chosen)
    return _network(chosen, entries[chosen.entry], others)


def _network(chosen: _Candidate, state: Mapping[str, Tensor], others: tuple[str, ...]) -> Network:
    outside = set(chosen.outside)
    wrong = [
        shown_key(key) for key, value in state.items() if not isinstance(key, str) or not isinstance(value, Tensor)
    ]
    if wrong := [name for name in wrong if name not in outside]:
        raise CheckpointError(f"Its state dict holds more than named tensors: {listed(wrong)}.")
    names = _unique(chosen.names)
    if odd := [own for own in names.values() if not _is_plain(state[own])]:
        raise CheckpointError(f"Its state dict holds sparse, quantized, nested or empty-shell tensors: {listed(odd)}.")
    stated = sum(state[own].numel() * state[own].element_size() for own in names.values())
    if stated > MAX_BYTES:
        raise CheckpointError(f"Its tensors have {stated} bytes: no LeViT checkpoint has more than {MAX_BYTES}.")
    return Network(
        name=chosen.name or (TOP_LEVEL if others else ""),
        names=names,
        tensors={bare: state[own] for bare, own in names.items()},
        outside=chosen.outside,
        others=others,
    )


def _is_plain(tensor: Tensor) -> bool:
    """Whether it is a dense tensor with data; the unpickler can build others, on which ordinary operations fail."""
    return (
        type(tensor) in (Tensor, torch.nn.Parameter)
        and tensor.layout is torch.strided
        and tensor.device.type == "cpu"
        and not tensor.is_nested
        and not tensor.is_quantized
    )


def _preferred(candidates: Sequence[_Candidate]) -> _Candidate:
    if len(candidates) == 1:
        return candidates[0]
    known = [each for each in candidates if set(each.name.split(".")) <= set(PREFERRED)]
    if known:
        return min(known, key=lambda each: [PREFERRED.index(part) for part in each.name.split(".")])
    names = [each.name or TOP_LEVEL for each in candidates]
    raise CheckpointError(f"It holds {len(names)} LeViTs: {listed(names, 12)}. Say which with --weights NAME.")


def _candidates(entry: str, state: Mapping[str, Tensor]) -> Iterator[_Candidate]:
    """The LeViTs of one state dict, told by names alone."""
    groups, outside = _grouped([name for name in state if isinstance(name, str)])
    for group in groups:
        own = min(group.own_prefixes).rstrip(".") if len(groups) > 1 else ""
        name = ".".join(part for part in (entry, own) if part)
        yield _Candidate(entry=entry, name=name, names=group.names, outside=tuple(outside))


def _grouped(names: Sequence[str]) -> tuple[list[_Group], list[str]]:
    """The tensors of each network, and the names that belong to none."""
    groups: dict[str, _Group] = {}
    rest = []
    for own in names:
        bare = _without_wrappers(own)
        if found := BODY.match(bare):
            group = groups.setdefault(found[1], _Group(prefix=found[1]))
            group.own_prefixes.add(own[: len(own) - len(bare)] + found[1])
            group.names.append((bare.removeprefix(found[1]), own))
        else:
            rest.append(own)
    most = max((len(group.names) for group in groups.values()), default=0)
    whole = {prefix: group for prefix, group in groups.items() if 2 * len(group.names) >= most}
    rest += [own for prefix, group in groups.items() if prefix not in whole for _, own in group.names]
    return list(whole.values()), _placed(rest, whole)


def _placed(rest: Sequence[str], groups: Mapping[str, _Group]) -> list[str]:
    """Put each name behind the longest of the networks' prefixes that it has; the names that have none."""
    by_own = {own: group for group in groups.values() for own in group.own_prefixes}
    prefixes = sorted(by_own, key=len, reverse=True)
    outside = []
    for own in rest:
        bare = _without_wrappers(own)
        place = next((by_own[prefix] for prefix in prefixes if own.startswith(prefix)), None)
        if place is None and HEAD.match(bare):
            place = groups.get("")
        if place is None:
            outside.append(own)
        else:
            place.names.append((bare.removeprefix(place.prefix), own))
    return outside


def _without_wrappers(own: str) -> str:
    bare = own
    while prefix := next((prefix for prefix in WRAPPERS if bare.startswith(prefix)), None):
        bare = bare.removeprefix(prefix)
    return bare


def _unique(names: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for bare, own in names:
        if bare.rpartition(".")[2] in COUNTERS:
            continue
        if bare in found:
            raise CheckpointError(f"It holds the same tensor twice: {listed([found[bare], own])}.")
        found[bare] = own
    return found

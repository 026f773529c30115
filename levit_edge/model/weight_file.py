"""Reads the tensors of one weights file, told by its content and not by its name: safetensors or `torch.save`.

A safetensors file has no checksum: damage to its header is found, damage to a weight only if it makes a value that
is no finite number. The SHA-256 that comes with the tensors is there to be recorded and compared.
"""

import hashlib
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.class_lists import ClassList
from levit_edge.model.pickle_scan import SCANNED_BYTES, is_pickle
from levit_edge.model.shards import INDEX_SUFFIX, read_index
from levit_edge.model.torch_file import (
    LEGACY_NUMBER,
    MAGICS,
    MAX_BYTES,
    explain_pickle,
    explain_protocol,
    read_torch_file,
)
from levit_edge.text import listed

__all__ = ["WeightFile", "read_weight_file"]

PLAUSIBLE_HEADER_BYTES = 1 << 48
"""A safetensors file begins with the length of its header. Above this, it is some other file's beginning."""
KINDS = {
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89PNG": "a PNG image",
    b"GIF8": "a GIF image",
    b"RIFF": "a WebP image or another RIFF file",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"\x89HDF": "an HDF5 file, perhaps TensorFlow weights",
    b"\x93NUMPY": "one array of numpy (.npy), without the names of weights",
    b"%PDF": "a PDF document",
    b"version https://git-lfs": "a Git LFS pointer and not the weights themselves: run `git lfs pull`",
    b"<!doctype html": "an HTML page, such as a failed download leaves",
    b"<html": "an HTML page, such as a failed download leaves",
    b"PK": "a damaged zip archive",
}


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """The content of a weights file, unchecked but for its container."""

    sha256: str
    """SHA-256 of the whole file, 64 hex digits; of shards, that of theirs in the order of their names."""
    entries: dict[str, dict[str, Tensor]]
    """Its state dicts, each by the file's own names of tensors; "" is the file itself."""
    metadata: dict[str, str]
    """The metadata of a safetensors file; empty for others."""
    class_lists: tuple[ClassList, ...] = ()
    """The class names that a file of `torch.save` has beside its weights."""


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except OSError:
        raise
    except Exception as error:  # SafetensorError and, for types that torch does not know, others
        raise CheckpointError(f"It is a damaged or truncated safetensors file ({error}). Fetch it again.") from error


def _kind(head: bytes) -> str:
    start = head.lstrip().lower()
    known = [kind for magic, kind in KINDS.items() if head.startswith(magic) or start.startswith(magic)]
    if known := [*known, *_finished_kind(head)]:
        return known[0]
    if is_pickle(head):
        return "a pickle that torch.save did not write"
    if not head.strip(b"\0"):
        return "a file of zeros"
    try:
        text = getincrementaldecoder("utf-8")().decode(head[:512])  # which may end within a letter
    except UnicodeDecodeError:
        return "an unknown kind of file"
    return "a text file" if text.isprintable() or "\n" in text else "an unknown kind of file"


def _finished_kind(head: bytes) -> Iterator[str]:
    """What `quantize` writes."""
    if head[4:8] == b"ET12":
        yield "an ExecuTorch program, as `quantize` writes it"
    if head[:1] == b"\x08" and head[2:3] in {b"\x12", b":"}:  # its version, then who made it, or the graph
        yield "an ONNX model, as `quantize` writes it"


def _read(path: Path, sha256: str) -> WeightFile:
    with path.open("rb") as file:
        head = file.read(SCANNED_BYTES)
    if int.from_bytes(head[:8], "little") < PLAUSIBLE_HEADER_BYTES and head[8:9] == b"{":
        tensors, metadata = _read_safetensors(path)
        return WeightFile(sha256=sha256, entries={"": tensors}, metadata=metadata)
    if head.startswith(MAGICS):
        entries, class_lists = read_torch_file(path)
        return WeightFile(sha256=sha256, entries=entries, metadata={}, class_lists=class_lists)
    why = explain_pickle(head) if is_pickle(head) else None
    if why is None and LEGACY_NUMBER in head[:32]:
        why = explain_protocol(head[1])
    raise CheckpointError(
        why or f"It is not a checkpoint but {_kind(head)}; expected a .pth of torch.save, or a safetensors file."
    )


def _check_size(path: Path) -> None:
    if not path.exists():
        raise CheckpointError("It does not exist. Pass the path of a checkpoint file or of a Hugging Face folder.")
    if not path.is_file():
        raise CheckpointError("It is neither a file nor a folder.")
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError("It is empty. Fetch it again.")
    if size > MAX_BYTES:
        raise CheckpointError(f"It has {size} bytes: no LeViT checkpoint has more than {MAX_BYTES}.")


def _read_shards(index: Path) -> WeightFile:
    """One state dict from the files that an index names."""
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    digest = hashlib.sha256()
    for shard, names in read_index(index).items():
        try:
            file = read_weight_file(index.with_name(shard))
        except CheckpointError as error:
            raise CheckpointError(f"{shard}: {error}") from error
        found = file.entries.get("", {})
        if set(found) != names:
            odd = sorted(map(str, set(found) ^ names))
            raise CheckpointError(f"{index.name} and {shard} do not belong together: they differ in {listed(odd)}.")
        tensors |= found
        metadata |= file.metadata
        digest.update(bytes.fromhex(file.sha256))
    return WeightFile(sha256=digest.hexdigest(), entries={"": tensors}, metadata=metadata)


def read_weight_file(path: Path) -> WeightFile:
    """Read every tensor of a weights file, or of the files that an index (`*.index.json`) names.

    Raises:
        CheckpointError: it is missing, unreadable, empty, damaged, too large, asks to run code, or no weights file.
    """
    if path.name.endswith(INDEX_SUFFIX):
        return _read_shards(path)
    try:
        _check_size(path)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        read = _read(path, sha256)
    except OSError as error:
        raise CheckpointError(f"It cannot be read: {error.strerror or error}.") from error
    if not any(read.entries.values()):
        raise CheckpointError("It holds no tensors. Fetch or save it again.")
    return read

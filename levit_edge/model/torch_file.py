"""Reads the tensors of a file written by `torch.save`, which may come from anyone.

Only `torch.load(weights_only=True)` is used, whose unpickler builds tensors, numbers and containers and calls nothing
else. In front of it stand the checks that it does not make: the zip archive's CRC-32 sums, so that a flipped bit is
found, and its sizes, so that a small file cannot unfold into a huge one. Files of PyTorch before 1.6 are not zip
archives and have no checksums.
"""

import argparse
import re
import warnings
import zipfile
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.pickle_scan import SCANNED_BYTES, pickle_globals
from levit_edge.text import listed

__all__ = ["MAGICS", "MAX_BYTES", "explain_pickle", "read_torch_file"]

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""How files of PyTorch before 1.6 start: a pickled number (torch.serialization.MAGIC_NUMBER)."""
MAGICS = (ZIP_MAGIC, LEGACY_MAGIC)
MAX_BYTES = 4 << 30
"""The most bytes of a file and of its tensors. The largest LeViT training checkpoint, with optimizer and average, is
0.6 GB."""
MAX_PICKLE_BYTES = 64 << 20
LONGEST_REASON = 200
WRAPPERS = ("model", "state_dict", "module", "model_state_dict", "model_ema", "state_dict_ema", "ema")
"""What training scripts call the weights, in order of preference: the trained ones before their running average,
as the original code's and timm's own evaluation take them."""
HARMLESS = re.compile(
    r"torch\.(\w+Storage|_utils\._rebuild_\w+|storage\.\w+Storage|nn\.parameter\.Parameter|b?float\d+|u?int\d+|bool"
    r"|device|Size|Tensor|serialization\._get_layout)|collections\.(OrderedDict|defaultdict|Counter)|_codecs\.encode"
    r"|argparse\.Namespace"
)
"""Imports that `torch.load(weights_only=True)` allows in a checkpoint; to tell the others when it refuses one."""


def explain_pickle(pickled: bytes) -> str | None:
    """Why a pickle is refused: which imports it asks for that no checkpoint needs; None if there are none."""
    foreign = [name for name in pickle_globals(pickled) if not HARMLESS.fullmatch(name)]
    if not foreign:
        return None
    return (
        f"It holds a pickle that would run code: it asks for {listed(foreign)}, which is no tensor, number or "
        "container. Nothing of it was run. If you trust its origin, save only its weights again, best as safetensors."
    )


def _check_zip(archive: zipfile.ZipFile) -> bytes:
    """The pickle, after checking sizes and checksums of every record."""
    records = archive.infolist()
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise CheckpointError("It is a compressed zip archive; torch.save writes uncompressed ones.")
    if sum(record.file_size for record in records) > MAX_BYTES:
        raise CheckpointError(f"It unfolds to more than {MAX_BYTES >> 30} GiB: no LeViT checkpoint does.")
    pickles = [record for record in records if record.filename.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1 or any(record.filename.endswith("constants.pkl") for record in records):
        raise CheckpointError(
            f"It is a zip archive ({listed([record.filename for record in records])}), but not of a state dict written "
            "by torch.save. A TorchScript or exported model will not do: pass the state dict."
        )
    if pickles[0].file_size > MAX_PICKLE_BYTES:
        raise CheckpointError(f"Its data.pkl is {pickles[0].file_size} bytes long: no LeViT checkpoint's is.")
    damaged = archive.testzip()
    if damaged is not None:
        raise CheckpointError(f"It is damaged: the checksum of {listed([damaged])} is wrong. Fetch it again.")
    return archive.read(pickles[0])


def _load(file: BinaryIO, pickled: bytes) -> object:
    """`torch.load` without code; `file` is open, so that its name plays no part."""
    try:
        # Training scripts save their parsed arguments beside the weights: a bag of attributes that runs nothing.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on how to go on loading what is refused here
            return torch.load(file, map_location="cpu", weights_only=True, mmap=False)
    except Exception as error:  # whatever a hostile or damaged file makes the unpickler stumble over
        raise CheckpointError(
            explain_pickle(pickled)
            or f"torch.load cannot read it ({_summary(error)}). It is damaged or not a state dict."
        ) from error


def _summary(error: Exception) -> str:
    """The first line with anything to say: torch puts advice to load unsafely around it."""
    lines = [line.strip().removeprefix("WeightsUnpickler error: ") for line in str(error).splitlines()]
    advice = ("Check the documentation", "Weights only load failed", "Please file an issue", "(1)", "(2)")
    text = next((line for line in lines if line and not line.startswith(advice)), type(error).__name__)
    if text.startswith("Unsupported operand"):
        return "it has instructions that torch.save does not write with its default pickle protocol"
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "…"


def _state_dict(loaded: object) -> dict[str, Tensor]:
    """The state dict itself, out of whatever a training script put around it."""
    if not isinstance(loaded, dict):
        raise CheckpointError(f"It holds a {type(loaded).__name__}, not a state dict.")
    state = loaded
    if not any(isinstance(value, Tensor) for value in loaded.values()):
        wrapped = (loaded[name] for name in WRAPPERS if isinstance(loaded.get(name), dict) and loaded[name])
        state = next(wrapped, {})
    if not state:
        raise CheckpointError(
            f"It holds no state dict: neither tensors nor one of {', '.join(WRAPPERS)}, "
            f"but {listed([str(key) for key in loaded]) or 'nothing'}."
        )
    others = [str(key) for key, value in state.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if others:
        raise CheckpointError(f"Its state dict holds more than named tensors: {listed(others)}.")
    odd = [key for key, tensor in state.items() if not _is_plain(tensor)]
    if odd:
        raise CheckpointError(f"Its state dict holds sparse, quantized, nested or empty-shell tensors: {listed(odd)}.")
    return dict(state)


def _is_plain(tensor: Tensor) -> bool:
    """Whether it is a dense tensor with data; the unpickler can build others, on which ordinary operations fail."""
    return (
        type(tensor) in (Tensor, torch.nn.Parameter)
        and tensor.layout is torch.strided
        and tensor.device.type == "cpu"
        and not tensor.is_nested
        and not tensor.is_quantized
    )


def _pickle(file: BufferedReader) -> bytes:
    """What `torch.load` will unpickle; of a file that is no zip archive as much as tells what it asks for."""
    if not file.peek(len(ZIP_MAGIC)).startswith(ZIP_MAGIC):
        return file.read(SCANNED_BYTES)
    try:
        with zipfile.ZipFile(file) as archive:
            return _check_zip(archive)
    except CheckpointError:
        raise
    except Exception as error:  # BadZipFile and, for forged fields, almost anything else
        raise CheckpointError(f"It is a damaged or truncated zip archive ({_summary(error)}).") from error


def read_torch_file(path: Path) -> dict[str, Tensor]:
    """The state dict of a file that `torch.save` wrote; before PyTorch 1.6 these had no checksums.

    Raises:
        CheckpointError: it is damaged or truncated, asks to run code, or is another kind of archive.
    """
    with path.open("rb") as file:
        pickled = _pickle(file)
        file.seek(0)
        return _state_dict(_load(file, pickled))

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import torch
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.class_lists import ClassList, class_lists
from levit_edge.model.pickle_scan import SCANNED_BYTES, pickle_globals
from levit_edge.text import counted, listed

__all__ = ["LEGACY_NUMBER", "MAGICS", "MAX_BYTES", "explain_pickle", "explain_protocol", "read_torch_file", "shown_key"]

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_NUMBER = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
LEGACY_MAGIC = b"\x80\x02" + LEGACY_NUMBER
"""How files of PyTorch before 1.6 start: a pickled number (torch.serialization.MAGIC_NUMBER)."""
PICKLE_PROTOCOL = 2
"""The one that torch.save writes unless it is told otherwise, and the only one that is read."""
MAGICS = (ZIP_MAGIC, LEGACY_MAGIC)
MAX_BYTES = 4 << 30
"""The most bytes of a file and of its tensors. The largest LeViT training checkpoint, with optimizer and average, is
0.6 GB."""
MAX_PICKLE_BYTES = 64 << 20
LONGEST_REASON = 200
DEEPEST_ENTRY = 3
"""How many dictionaries deep a training script puts its weights."""
DATA = re.compile(
    r"numpy(\._?core)?\.(multiarray\.(scalar|_reconstruct)|numeric\._frombuffer)|numpy\.random\.(_\w+|bit_generator)\.\w+"
    r"|numpy\.(dtype|ndarray|bool_?|str_|bytes_|(u?int|float|complex)\d+)|numpy\.dtypes\.\w+"
    r"|pathlib(\._local)?\.(Pure)?(Posix|Windows)?Path|datetime\.(date|datetime|time|timedelta|timezone)"
)
"""What stands for numbers, arrays, states of random generators, paths and times that scripts save beside weights."""
HARMLESS = re.compile(
    r"torch\.(\w+Storage|_utils\._rebuild_\w+|storage\.\w+Storage|nn\.parameter\.Parameter|b?float\d+|u?int\d+|bool"
    r"|device|Size|Tensor|serialization\._get_layout)|collections\.(OrderedDict|defaultdict|Counter)|_codecs\.encode"
    r"|argparse\.Namespace"
)
"""Imports that `torch.load(weights_only=True)` allows in a checkpoint; to tell the others when it refuses one."""


def explain_pickle(pickled: bytes) -> str | None:
    """Why a pickle is refused: which imports it asks for that no checkpoint needs; None if there are none."""
    foreign = _foreign(pickled)
    if not foreign:
        return None
    return (
        f"It holds a pickle that would run code: it asks for {listed(foreign)}, which is no tensor, number or "
        "container. Nothing of it was run. If you trust its origin, save only its weights again, best as safetensors."
    )


@dataclass(frozen=True)
class _Kind:
    """What a zip archive is that is no state dict's."""

    name: str
    weights: str = "model.state_dict()"
    """Python for its weights, of the file FILE, or of the network where it was made."""


def _other_archive(names: Sequence[str], pickles: int) -> _Kind | None:
    if any(name.endswith("constants.pkl") for name in names):
        return _Kind("a TorchScript model (torch.jit.save)", 'torch.jit.load("FILE").state_dict()')
    if any(
        name.endswith(("archive_format", "models/model.json", "serialized_exported_program.json")) for name in names
    ):
        return _Kind("an exported program (torch.export.save)", 'torch.export.load("FILE").state_dict')
    if names and all(name.endswith(".npy") for name in names):
        arrays = counted(len(names), "array")
        shown = listed([name.removesuffix(".npy") for name in names])
        by_name = '{name: torch.from_numpy(array) for name, array in numpy.load("FILE").items()}'
        return _Kind(f"numpy's .npz of {arrays} ({shown})", by_name)
    return None if pickles == 1 else _Kind(f"a zip archive ({listed(names)})")


def _foreign(pickled: bytes) -> list[str]:
    return [name for name in pickle_globals(pickled) if not HARMLESS.fullmatch(name) and not DATA.fullmatch(name)]


def _check_zip(archive: zipfile.ZipFile) -> bytes:
    """The pickle, after checking sizes and checksums of every record."""
    records = archive.infolist()
    pickles = [record for record in records if record.filename.rpartition("/")[2] == "data.pkl"]
    if kind := _other_archive([record.filename for record in records], len(pickles)):
        raise CheckpointError(
            f"It is {kind.name}, not a state dict written by torch.save. Where it was made, or where you trust it,"
            f' save the trained network\'s weights: torch.save({kind.weights}, "levit.pth").'
        )
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise CheckpointError("It is a compressed zip archive; torch.save writes uncompressed ones.")
    if sum(record.file_size for record in records) > MAX_BYTES:
        raise CheckpointError(f"It unfolds to more than {MAX_BYTES >> 30} GiB: no LeViT checkpoint does.")
    if pickles[0].file_size > MAX_PICKLE_BYTES:
        raise CheckpointError(f"Its data.pkl is {pickles[0].file_size} bytes long: no LeViT checkpoint's is.")
    damaged = archive.testzip()
    if damaged is not None:
        raise CheckpointError(f"It is damaged: the checksum of {listed([damaged])} is wrong. Fetch it again.")
    return archive.read(pickles[0])


class _Inert:
    """Takes the place of numpy's, pathlib's and datetime's objects, whose values nobody needs: nothing is built.

    numpy's own reconstructors would do as they are told by the file: a forged dtype makes them read stray memory.
    """

    def __init__(self, *_: object) -> None: ...

    def __new__(cls, *_: object) -> Self:
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None: ...


class _Foreign(_Inert):
    """Takes the place of what is refused, to find where it lies."""


def _load(file: BinaryIO, pickled: bytes) -> object:
    """`torch.load` without code; `file` is open, so that its name plays no part."""
    names = pickle_globals(pickled)
    inert = {name: _Inert for name in names if DATA.fullmatch(name)}
    try:
        return _weights_only(file, inert)
    except Exception as error:  # whatever a hostile or damaged file makes the unpickler stumble over
        raise CheckpointError(_explain_refusal(file, pickled, inert, error)) from error


def _weights_only(file: BinaryIO, replaced: Mapping[str, type[_Inert]]) -> object:
    # Training scripts save their parsed arguments beside the weights: a bag of attributes that runs nothing.
    allowed: list[Any] = [argparse.Namespace, *((inert, name) for name, inert in replaced.items())]
    with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on how to go on loading what is refused here
        return torch.load(file, map_location="cpu", weights_only=True, mmap=False)


def _explain_refusal(file: BinaryIO, pickled: bytes, inert: dict[str, type[_Inert]], error: Exception) -> str:
    if why := explain_pickle(pickled):
        places = _foreign_entries(file, inert, _foreign(pickled))
        return f"{why} It lies in {listed(places)}." if places else why
    if pickled[:1] == b"\x80" and pickled[1] > PICKLE_PROTOCOL:
        return explain_protocol(pickled[1])
    return f"torch.load cannot read it ({_summary(error)}). It is damaged or not a state dict."


def explain_protocol(protocol: int) -> str:
    """Why a file of another pickle protocol than torch.save's own is refused."""
    return (
        f"It was saved with pickle_protocol={protocol}, which torch.load reads only by running what is in the file. "
        "Where it was made, save its weights again with torch.save(state_dict, FILE) without pickle_protocol, or as "
        "safetensors."
    )


def _foreign_entries(file: BinaryIO, inert: dict[str, type[_Inert]], foreign: list[str]) -> list[str]:
    """The entries of the file that hold what is refused; none if they cannot be told."""
    try:
        file.seek(0)
        loaded = _weights_only(file, inert | dict.fromkeys(foreign, _Foreign))
    except Exception:  # it is refused already, and these names stay unsaid
        return []
    entries = loaded.items() if isinstance(loaded, dict) else ()
    return [repr(shown_key(key)) for key, value in entries if _holds_foreign(value)]


def _holds_foreign(value: object) -> bool:
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, _Foreign) or each is _Foreign:
            return True
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list | tuple | set):
            waiting += each
        elif isinstance(each, argparse.Namespace):
            waiting += vars(each).values()
    return False


def _summary(error: Exception) -> str:
    """The first line with anything to say: torch puts advice to load unsafely around it."""
    lines = [line.strip().removeprefix("WeightsUnpickler error: ") for line in str(error).splitlines()]
    advice = ("Check the documentation", "Weights only load failed", "Please file an issue", "(1)", "(2)")
    text = next((line for line in lines if line and not line.startswith(advice)), type(error).__name__)
    if text.startswith("Unsupported operand"):
        return "it has instructions that torch.save does not write"
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "…"


def _state_dicts(loaded: object) -> dict[str, dict[str, Tensor]]:
    """Every dictionary with tensors, by the names of the entries that lead to it joined with dots; "" is the file."""
    if not isinstance(loaded, dict):
        raise CheckpointError(f"It holds a {type(loaded).__name__}, not a state dict.")
    found: dict[str, dict[str, Tensor]] = {}
    seen: set[int] = set()
    level: list[tuple[tuple[str, ...], dict[object, object]]] = [((), loaded)]
    for _ in range(DEEPEST_ENTRY + 1):
        below = []
        for place, entry in level:
            if id(entry) in seen:
                continue
            seen.add(id(entry))
            if any(isinstance(value, Tensor) for value in entry.values()):
                found[".".join(place)] = cast(dict[str, Tensor], entry)  # its names are checked where it is taken
            below += [
                ((*place, key), value)
                for key, value in entry.items()
                if isinstance(key, str) and isinstance(value, dict)
            ]
        level = below
    if not found:
        raise CheckpointError(
            f"It holds no state dict: no entry with tensors, but {listed(list(map(shown_key, loaded))) or 'nothing'}."
        )
    return found


def shown_key(key: object) -> str:
    """A dictionary's key for a message; of a tensor or the like only its kind, which costs and imports nothing."""
    return str(key) if isinstance(key, str | int) else type(key).__name__


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


def read_torch_file(path: Path) -> tuple[dict[str, dict[str, Tensor]], tuple[ClassList, ...]]:
    """The state dicts of a file that `torch.save` wrote, by their entries, and the class names beside them.

    Files of PyTorch before 1.6 have no checksums.

    Raises:
        CheckpointError: it is damaged or truncated, asks to run code, or is another kind of archive.
    """
    with path.open("rb") as file:
        pickled = _pickle(file)
        file.seek(0)
        loaded = _load(file, pickled)
    return _state_dicts(loaded), class_lists(loaded)

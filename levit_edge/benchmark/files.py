"""Measurements as files that people share: one JSON document for each board, model and run."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from levit_edge.benchmark.checks import MAX_TEXT, validate
from levit_edge.benchmark.measurement import SCHEMA_VERSION, Measurement
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.documents import UNPAIRED, from_json, read_json, to_json
from levit_edge.errors import MeasurementError, OutputError
from levit_edge.system.atomic import remove_abandoned, write_whole
from levit_edge.text import brief, text

__all__ = ["BROWSER_VERIFICATION", "checked", "load_measurements", "save", "shareable"]

KINDS = ("local", "ssh", "adb", "qemu", "web")
"""The kinds of targets; what follows the colon of `ssh` and `adb` is an address or a serial number."""
EMULATED = re.compile(r"qemu:[a-z0-9-]{1,30}")
NAME_CHARACTERS = 40
PATH = re.compile(r"(?:[A-Za-z]:\\|\\\\|~|/)[^\s'\",;:()]*[/\\]")
ACCOUNT = re.compile(r"[^\s'\",;()/@]+@[^\s'\",;()/]+")
WHAT = "the measurement"
BROWSER_VERIFICATION = "verification in a browser"
"""The `kind` that web_demo/page/verify.js gives its documents."""


def shareable(measurement: Measurement) -> Measurement:
    """The same without address, serial number, and the names of folders and accounts."""
    kind = measurement.target.partition(":")[0]
    emulated = EMULATED.fullmatch(measurement.target)
    return replace(
        measurement,
        target=measurement.target if emulated else kind if kind in KINDS else "other",
        bundle=re.split(r"[/\\]", measurement.bundle.rstrip("/\\"))[-1] or "bundle",
        results=tuple(replace(result, error=_impersonal(result.error)) for result in measurement.results),
    )


def save(measurement: Measurement, folder: Path) -> Path:
    """Write what of `measurement` can be shared into `folder`, which is made; returns the file's path.

    The name says device, model and date, and ends in a digest of the content: another result gets another name, and the
    same one is written once.

    Raises:
        MeasurementError: its figures cannot be, so that nobody could load it.
        OutputError: it cannot be written, or a file of that name holds something else.
    """
    document = to_json(shareable(measurement))
    shared = checked(document, "this measurement")
    data = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", UNPAIRED) + b"\n"
    path = folder / _file_name(shared, hashlib.sha256(data).hexdigest()[:8])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder, r".*\.json")
        if path.exists() or path.is_symlink():
            if path.read_bytes() == data:
                return path
            raise OutputError(
                f"{path} is there and is not this measurement: nothing was written. Choose another --save."
            )
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Choose another --save.") from error
    write_whole(path, data, "--save")
    return path


def load_measurements(paths: Iterable[Path]) -> list[Measurement]:
    """The measurements of files, and of all `.json` files in folders, each checked.

    Raises:
        MeasurementError: one is damaged, of another version, has figures that cannot be, or there is none.
    """
    return [_load(file) for path in paths for file in _files(path)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if (path / MANIFEST_FILE).is_file():
        raise MeasurementError(
            f"{path} is a bundle, expected measurements of boards: for a board's, run `levit-edge bench {path} --save"
            " results/` and give that folder."
        )
    files = sorted(path.glob("*.json"))
    if not files:
        raise MeasurementError(f"{path} has no .json files, expected measurements saved by `levit-edge bench --save`.")
    return files


def _load(path: Path) -> Measurement:
    return checked(read_json(path, MeasurementError, WHAT), f"{WHAT} {path}")


def checked(document: object, what: str) -> Measurement:
    """The measurement that a JSON document is; `what` it is, for messages.

    Raises:
        MeasurementError: it is none, of another version, or has figures that cannot be.
    """
    if isinstance(document, dict) and document.get("kind") == BROWSER_VERIFICATION:
        raise MeasurementError(
            f"{what} is a {BROWSER_VERIFICATION}, the accuracy that a page saved: it has no times. Expected"
            " measurements alone: put it elsewhere."
        )
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise MeasurementError(
            f"{what} is of schema version {brief(version)}, expected {SCHEMA_VERSION}: what `levit-edge bench"
            " --save` writes. If a newer levit-edge made it, update this one."
        )
    try:
        measurement = from_json(Measurement, document, MeasurementError, what)
        if problem := validate(measurement):
            raise MeasurementError(f"{what} is not one that can be: {problem}.")
    except MeasurementError as error:
        raise MeasurementError(f"{error} Measure again.") from error
    return measurement


def _file_name(measurement: Measurement, digest: str) -> str:
    device = measurement.device
    board = device.model if device.model != "unknown" else " ".join(group.name for group in device.cores)
    parts = (board or device.architecture, measurement.model.name, measurement.created_utc[:10])
    words = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")[:NAME_CHARACTERS].strip("-") for part in parts]
    return "_".join([*(word or "unknown" for word in words), digest]) + ".json"


def _impersonal(message: str) -> str:
    return text(PATH.sub("…/", ACCOUNT.sub("…", message)), MAX_TEXT)

"""Which onnxruntimes read a bundle's ONNX files, and whether their logits have the same bits as where it was made.

    python -m benchmarks.readers BUNDLE [BUNDLE …] --output readers.json

Makes an environment for each version with uv, which fetches them from the package index: 4 GB if none is cached. Exit
status: 0 done, also if versions refuse files or die of them; 2 wrong usage; 3 bad input; 130 interrupted.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command import check_folders, command_line, conclude
from benchmarks.document import Document, circumstances, show_context
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.device.oldest import OLDEST_FOR_NUMPY_2, is_older
from levit_edge.errors import DataError

__all__ = ["VERSIONS", "Reading", "environment", "main", "readings"]

VERSIONS = (
    "1.15.0", "1.15.1", "1.16.0", "1.16.3", "1.17.0", "1.17.3", "1.18.0", "1.18.1", "1.19.0", "1.19.2", "1.20.0",
    "1.20.1", "1.21.0", "1.21.1", "1.22.0", "1.22.1", "1.23.0", "1.23.2", "1.24.1", "1.24.4", "1.25.0", "1.25.1",
    "1.26.0", "1.27.0", "1.28.0", "1.29.0", "1.30.0", "1.31.0", "1.31.1", "1.32.0",
)  # fmt: skip
"""The first and the last of each minor version that the package index has for Python 3.11."""
ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).parent / "uv"
PACKAGES = ("levit-edge", "onnx", "onnxruntime", "numpy")
CAVEAT = "On this processor: others have other kernels, and may give other bits."
LONGEST_S = 600


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One file in one onnxruntime."""

    version: str
    bundle: str
    file: str
    bits: bool
    """Whether all golden logits came out bit for bit."""
    difference: float | None
    """The largest difference of a logit; None if there are no logits."""
    error: str | None
    """Why there are none: what it was refused with, or how its process died."""
    died: bool = False
    """Whether onnxruntime took its process along, or never came back, instead of refusing the file."""


@dataclass(frozen=True, kw_only=True)
class Readers(Document):
    """All that the JSON file holds."""

    readings: tuple[Reading, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE", help="made by `levit-edge quantize`")
    parser.add_argument("--onnxruntime", action="append", metavar="VERSION", help="may be repeated [a list]")
    parser.add_argument("--environments", type=Path, metavar="DIR", help="where they are kept [nowhere]")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the results go besides the table")
    options = parser.parse_args(arguments)
    check_folders(parser, {"--output": options.output, "--environments": options.environments})
    return conclude(lambda: _run(options, command_line("readers", arguments)), options.output, _show)


def _run(options: argparse.Namespace, command: str) -> Readers:
    bundles = [Bundle.open(path) for path in options.bundles]
    with TemporaryDirectory() as temporary:
        folder = options.environments or Path(temporary)
        found = [
            reading
            for version in options.onnxruntime or VERSIONS
            for bundle in bundles
            for reading in readings(environment(folder / version, version), version, bundle)
        ]
    return Readers(caveat=CAVEAT, command=command, **circumstances(PACKAGES), readings=tuple(found))


def environment(folder: Path, version: str) -> Path:
    """The Python of an environment with this onnxruntime, made in `folder` unless it is there.

    Raises:
        DataError: it cannot be made.
    """
    python = folder / "bin" / "python"
    made = folder / "made"
    if not made.exists():
        numpy = "numpy<2" if is_older(version, OLDEST_FOR_NUMPY_2) else "numpy"
        _uv("venv", "--clear", "--python", sys.executable, folder)
        _uv("pip", "install", "--python", python, f"onnxruntime=={version}", numpy, "pillow")
        made.touch()
    return python


def _uv(*arguments: str | Path) -> None:
    done = subprocess.run([UV, *arguments, "--quiet"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise DataError(f"uv {arguments[0]} fails: {done.stderr.strip()}")


def readings(python: Path, version: str, bundle: Bundle) -> Iterator[Reading]:
    """What the onnxruntime of an environment makes of a bundle's ONNX files, in a process for each.

    Raises:
        BundleError: the bundle's golden file is damaged.
        DataError: the environment has no such onnxruntime, or not what it needs.
    """
    bundle.golden()
    golden = bundle.path / bundle.manifest.golden_file
    for artifact in bundle.manifest.artifacts:
        if artifact.runtime is Runtime.ONNXRUNTIME:
            found = _probed(python, version, golden, bundle.path / artifact.file)
            yield Reading(version=version, bundle=bundle.path.name, file=artifact.file, **found)


def _probed(python: Path, version: str, golden: Path, model: Path) -> dict[str, Any]:
    """What `benchmarks.reader_probe` says of one file, or how it died of it."""
    death = {"bits": False, "difference": None, "died": True}
    try:
        done = subprocess.run(
            [python, "-m", "benchmarks.reader_probe", golden, model],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            check=False,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return death | {"error": f"no answer in {LONGEST_S} s"}
    said = done.stderr.strip()[-400:]
    if done.returncode < 0:
        return death | {"error": f"{signal.Signals(-done.returncode).name}: {said}".removesuffix(": ")}
    if done.returncode:
        raise DataError(f"the environment of onnxruntime {version} does not work: {said}")
    return dict(json.loads(done.stdout)[model.name])


def _show(document: Readers) -> None:
    console = Console()
    show_context(document, "Golden images of each bundle, one thread:", console)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("bundle", "file", "onnxruntime", "logits"):
        table.add_column(heading)
    for bundle, file in dict.fromkeys((each.bundle, each.file) for each in document.readings):
        of_file = [each for each in document.readings if (each.bundle, each.file) == (bundle, file)]
        for cell, alike in groupby(of_file, _cell):
            versions = [each.version for each in alike]
            table.add_row(bundle, file, " to ".join(dict.fromkeys((versions[0], versions[-1]))), cell)
    console.print(table)


def _cell(reading: Reading) -> str:
    if reading.difference is None:
        return "died" if reading.died else "refused"
    return "same bits" if reading.bits else f"{reading.difference:.1g} apart"


if __name__ == "__main__":
    sys.exit(main())

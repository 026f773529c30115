"""Which files a package has, by what it is for."""

import re
from collections.abc import Iterable
from enum import StrEnum

from levit_edge.bundle.kinds import Runtime
from levit_edge.device.sources import SOURCES

__all__ = [
    "DOCUMENT_FILE",
    "GOLDEN_INPUT_FILE",
    "LABELS_FILE",
    "LICENSE_FILE",
    "NOTICE_FILE",
    "SOURCE_FILES",
    "Purpose",
    "expected_files",
    "golden_output_file",
    "model_file",
    "runtimes_of",
    "without_modules",
]

DOCUMENT_FILE = "model.json"
LABELS_FILE = "labels.txt"
NOTICE_FILE = "NOTICE.txt"
LICENSE_FILE = "LICENSE.txt"
"""The license of our own sources, which only packages for boards carry."""
GOLDEN_INPUT_FILE = "golden_input.f32"
SOURCE_FILES = {"run.py": "device/run.py", **{f"levit_edge/{name}": name for name in SOURCES}}
"""Name in a package -> path in levit_edge: `run.py` and what it imports from, as they are. They run with Python 3.9,
numpy, Pillow and one runtime."""
_SOURCE_NAME = re.compile(r"levit_edge/(?:[a-z0-9_]+/)*[a-z0-9_]+\.py")


class Purpose(StrEnum):
    """What a package is for."""

    ANDROID = "android"
    BOARD = "board"


def runtimes_of(purpose: Purpose) -> tuple[Runtime, ...]:
    """The runtimes that a package has a model for."""
    return tuple(runtime for runtime in Runtime if purpose in runtime.entry.packed_for)


def model_file(runtime: Runtime) -> str:
    """The file name of the model for `runtime`."""
    return f"model{runtime.entry.suffix}"


def golden_output_file(runtime: Runtime) -> str:
    """The file name of the golden output of the model for `runtime`."""
    return f"golden_output{runtime.entry.suffix}.f32"


def expected_files(purpose: Purpose) -> frozenset[str]:
    """Every file of a package but `model.json`, as it is made today."""
    models = [name for runtime in runtimes_of(purpose) for name in (model_file(runtime), golden_output_file(runtime))]
    ours = [LICENSE_FILE, *SOURCE_FILES] if purpose is Purpose.BOARD else []
    return frozenset({LABELS_FILE, NOTICE_FILE, GOLDEN_INPUT_FILE, *models, *ours})


def without_modules(names: Iterable[str]) -> frozenset[str]:
    """The names but for those of levit-edge's modules in packages for boards, which other versions call otherwise."""
    return frozenset(name for name in names if not _SOURCE_NAME.fullmatch(name))

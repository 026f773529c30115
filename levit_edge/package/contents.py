"""Which files a package has, by what it is for."""

import re
from collections.abc import Iterable
from enum import StrEnum

from levit_edge.bundle.kinds import Runtime
from levit_edge.device.sources import SOURCES

__all__ = [
    "DOCUMENT_FILE",
    "FLOAT16_MODEL_FILE",
    "GOLDEN_INPUT_FILE",
    "LABELS_FILE",
    "LICENSE_FILE",
    "NOTICE_FILE",
    "SOURCE_FILES",
    "Purpose",
    "expected_files",
    "golden_output_file",
    "model_files",
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


FLOAT16_MODEL_FILE = "model-f16.pte"
"""The second one for ExecuTorch, in packages of bundles that have one: for processors that compute in float16."""


class Purpose(StrEnum):
    """What a package is for."""

    ANDROID = "android"
    BOARD = "board"


def runtimes_of(purpose: Purpose) -> tuple[Runtime, ...]:
    """The runtimes that a package has a model for."""
    return tuple(runtime for runtime in Runtime if purpose in runtime.entry.packed_for)


def golden_output_file(model: str) -> str:
    """The file name of the golden output of a model file."""
    return f"golden_output{model.removeprefix('model')}.f32"


def model_files(purpose: Purpose, *, float16: bool = False) -> tuple[str, ...]:
    """The names of the model files of a package, in order; `float16`: with the one that computes in it, the last."""
    models = [f"model{runtime.entry.suffix}" for runtime in runtimes_of(purpose)]
    return (*models, *([FLOAT16_MODEL_FILE] if float16 else []))


def expected_files(purpose: Purpose, *, float16: bool = False) -> frozenset[str]:
    """Every file of a package but `model.json`, as it is made today."""
    models = [name for model in model_files(purpose, float16=float16) for name in (model, golden_output_file(model))]
    ours = [LICENSE_FILE, *SOURCE_FILES] if purpose is Purpose.BOARD else []
    return frozenset({LABELS_FILE, NOTICE_FILE, GOLDEN_INPUT_FILE, *models, *ours})


def without_modules(names: Iterable[str]) -> frozenset[str]:
    """The names but for those of levit-edge's modules in packages for boards, which other versions call otherwise."""
    return frozenset(name for name in names if not _SOURCE_NAME.fullmatch(name))

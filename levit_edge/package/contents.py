"""Which files a package has, by what it is for."""

from enum import StrEnum

from levit_edge.bundle.kinds import Runtime
from levit_edge.device.sources import SOURCES

__all__ = [
    "DOCUMENT_FILE",
    "GOLDEN_INPUT_FILE",
    "LABELS_FILE",
    "LICENSE_FILE",
    "MODEL_FILES",
    "NOTICE_FILE",
    "SOURCE_FILES",
    "Purpose",
    "expected_files",
    "golden_output_file",
    "runtimes_of",
]

DOCUMENT_FILE = "model.json"
LABELS_FILE = "labels.txt"
NOTICE_FILE = "NOTICE.txt"
LICENSE_FILE = "LICENSE.txt"
"""Of our own sources, which only packages for boards carry."""
GOLDEN_INPUT_FILE = "golden_input.f32"
MODEL_FILES = {Runtime.EXECUTORCH: "model.pte", Runtime.ONNXRUNTIME: "model.onnx"}
SOURCE_FILES = {"run.py": "device/run.py", **{f"levit_edge/{name}": name for name in SOURCES}}
"""Name in a package -> path in levit_edge: `run.py` and what it imports from, as they are. They run with Python 3.9,
numpy, Pillow and one runtime."""
FORMER_SOURCE_FILES = frozenset(
    {
        "run.py",
        "levit_edge/__init__.py",
        "levit_edge/data/__init__.py",
        "levit_edge/data/image.py",
        "levit_edge/data/normalisation.py",
        "levit_edge/errors.py",
        "levit_edge/runtime/__init__.py",
        "levit_edge/runtime/board/__init__.py",
        "levit_edge/runtime/board/agent.py",
        "levit_edge/runtime/golden.py",
        "levit_edge/runtime/ranking.py",
    }
)
"""The same of packages made before December 2026."""


class Purpose(StrEnum):
    """What a package is for."""

    ANDROID = "android"
    BOARD = "board"


def runtimes_of(purpose: Purpose) -> tuple[Runtime, ...]:
    """The runtimes that a package has a model for."""
    return (Runtime.EXECUTORCH,) if purpose is Purpose.ANDROID else (Runtime.EXECUTORCH, Runtime.ONNXRUNTIME)


def golden_output_file(runtime: Runtime) -> str:
    """Of the model for `runtime`."""
    return f"golden_output.{MODEL_FILES[runtime].rpartition('.')[2]}.f32"


def expected_files(purpose: Purpose, *, former: bool = False) -> frozenset[str]:
    """Every file of a package but `model.json`; `former`: of one with `FORMER_SOURCE_FILES`."""
    models = [name for runtime in runtimes_of(purpose) for name in (MODEL_FILES[runtime], golden_output_file(runtime))]
    ours = [LICENSE_FILE, *(FORMER_SOURCE_FILES if former else SOURCE_FILES)] if purpose is Purpose.BOARD else []
    return frozenset({LABELS_FILE, NOTICE_FILE, GOLDEN_INPUT_FILE, *models, *ours})

"""Which files a package has, by what it is for."""

import re
from collections.abc import Iterable
from enum import StrEnum

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.device.sources import SOURCES

__all__ = [
    "DOCUMENT_FILE",
    "FLOAT16_MODEL_FILE",
    "FOLDERS_FILE",
    "FP32_MODEL_FILE",
    "GOLDEN_INPUT_FILE",
    "LABELS_FILE",
    "LICENSE_FILE",
    "NOTICE_FILE",
    "README_FILE",
    "RUNTIME_LICENSES_FILE",
    "SECOND_MODEL",
    "SOURCE_FILES",
    "WEB_RUNTIME",
    "ZIPPED",
    "PagePrecision",
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
"""The license of our own sources, which packages for boards and pages carry."""
GOLDEN_INPUT_FILE = "golden_input.f32"
FOLDERS_FILE = "folders.json"
"""For pages: `levit_edge.data.folder_tables` of the model, by which folders of images are read and paired."""
README_FILE = "README.md"
"""For people with a board: packages of before schema version 3 have none."""
WEB_RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
"""The files of onnxruntime-web that a page runs its models in: the module first."""
RUNTIME_LICENSES_FILE = "onnxruntime-licenses.txt"
SOURCE_FILES = {"run.py": "device/run.py", **{f"levit_edge/{name}": name for name in SOURCES}}
"""Name in a package -> path in levit_edge: `run.py` and what it imports from, as they are. They run with Python 3.9,
numpy, Pillow and one runtime."""
_SOURCE_NAME = re.compile(r"levit_edge/(?:[a-z0-9_]+/)*[a-z0-9_]+\.py")

FLOAT16_MODEL_FILE = "model-f16.pte"
"""The second one for ExecuTorch, in packages of bundles that have one: for processors that compute in float16."""
FP32_MODEL_FILE = "model-fp32.onnx"
"""The second one of a page, which is compared with the first there."""


class Purpose(StrEnum):
    """What a package is for."""

    ANDROID = "android"
    BOARD = "board"
    WEB = "web"


class PagePrecision(StrEnum):
    """Which of a bundle's models a page has."""

    INT8 = "int8"
    FP32 = "fp32"
    BOTH = "both"

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """In the order of the package's models."""
        both = (Precision.INT8, Precision.FP32)
        return both if self is PagePrecision.BOTH else (Precision(self.value),)


ZIPPED = (Purpose.ANDROID, Purpose.BOARD)
"""The purposes whose package is a zip file; for `web` it is a page."""
SECOND_MODEL = {
    Purpose.ANDROID: FLOAT16_MODEL_FILE,
    Purpose.BOARD: FLOAT16_MODEL_FILE,
    Purpose.WEB: FP32_MODEL_FILE,
}
"""The model that a package may have behind the others."""


def runtimes_of(purpose: Purpose) -> tuple[Runtime, ...]:
    """The runtimes that a package has a model for."""
    return tuple(runtime for runtime in Runtime if purpose in runtime.entry.packed_for)


def golden_output_file(model: str) -> str:
    """The file name of the golden output of a model file."""
    return f"golden_output{model.removeprefix('model')}.f32"


def model_files(purpose: Purpose, *, second: bool = False) -> tuple[str, ...]:
    """The names of the model files of a package, in order; `second`: with its `SECOND_MODEL`, the last."""
    models = [f"model{runtime.entry.suffix}" for runtime in runtimes_of(purpose)]
    return (*models, *([SECOND_MODEL[purpose]] if second else []))


def expected_files(purpose: Purpose, *, second: bool = False) -> frozenset[str]:
    """Every file of a package but `model.json`, as it is made today."""
    models = [name for model in model_files(purpose, second=second) for name in (model, golden_output_file(model))]
    own = {
        Purpose.ANDROID: (),
        Purpose.BOARD: (LICENSE_FILE, README_FILE, *SOURCE_FILES),
        Purpose.WEB: (LICENSE_FILE, FOLDERS_FILE, RUNTIME_LICENSES_FILE, *WEB_RUNTIME),
    }
    return frozenset({LABELS_FILE, NOTICE_FILE, GOLDEN_INPUT_FILE, *models, *own[purpose]})


def without_modules(names: Iterable[str]) -> frozenset[str]:
    """The names but for those of levit-edge's modules in packages for boards, which other versions call otherwise."""
    return frozenset(name for name in names if not _SOURCE_NAME.fullmatch(name))

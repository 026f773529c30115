"""What a package says about itself: the dataclasses of `model.json`, described in docs/package-format.md.

Accuracies are in percent, drops in percentage points, sizes in bytes.
"""

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Annotated

from levit_edge.bundle.kinds import OldestRuntime, Precision, Runtime
from levit_edge.bundle.manifest import Gate
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import Between, Count, Matching, Sha256, Version
from levit_edge.errors import PackageError
from levit_edge.package.contents import (
    DOCUMENT_FILE,
    README_FILE,
    SECOND_MODEL,
    Purpose,
    expected_files,
    golden_output_file,
    model_files,
    runtimes_of,
    without_modules,
)
from levit_edge.text import listed

__all__ = [
    "FLOAT16_KIND",
    "SCHEMA_VERSION",
    "SECOND_KIND",
    "Accuracy",
    "Evaluation",
    "FloatArray",
    "ImagesUsed",
    "InputFormat",
    "PackageDocument",
    "PackedCheckpoint",
    "PackedFile",
    "PackedModel",
    "version_of",
]

SCHEMA_VERSION, WITH_FLOAT16, WITHOUT_FLOAT16 = 3, 2, 1
"""A package is of the oldest version that can say what it has: apps read it that know no newer one."""
FLOAT16_KIND = (Runtime.EXECUTORCH, Precision.INT8_FLOAT16)
SECOND_KIND = {
    Purpose.ANDROID: FLOAT16_KIND,
    Purpose.BOARD: FLOAT16_KIND,
    Purpose.WEB: (Runtime.ONNXRUNTIME, Precision.FP32),
}
"""What the `SECOND_MODEL` of a package is."""
MOST_GOLDEN = 64
FromOne = Annotated[int, Between(1, 1 << 20)]


@dataclass(frozen=True, kw_only=True)
class PackedFile:
    """One file of the package."""

    size_bytes: Count
    sha256: Sha256


@dataclass(frozen=True, kw_only=True)
class FloatArray:
    """A file of little-endian float32 numbers without a header, the last axis fastest."""

    file: str
    shape: tuple[FromOne, ...]


@dataclass(frozen=True, kw_only=True)
class InputFormat:
    """How a photograph becomes the model's input, (1, 3, image_size, image_size) float32."""

    image_size: int
    resize: int
    interpolation: str
    crop: Annotated[str, Matching("center|squash", "center or squash")] = "center"
    """`squash`: both sides are resized to `resize`, not the short one alone; the centre is cut out then too."""
    channels: Annotated[str, Matching("RGB", "RGB")] = "RGB"
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    layout: str

    def __post_init__(self) -> None:
        self.preprocessing()

    @classmethod
    def of(cls, preprocessing: Preprocessing) -> "InputFormat":
        """What does the same as `preprocessing`; whether photographs are turned is for who reads them to decide."""
        values = asdict(preprocessing)
        del values["exif"]
        return cls(crop="squash" if values.pop("squash") else "center", **values)

    def preprocessing(self) -> Preprocessing:
        """The same for `levit_edge.data`.

        Raises:
            DataError: a value is out of its range.
        """
        shared = {field.name for field in fields(Preprocessing)} - {"squash", "exif"}
        return Preprocessing(squash=self.crop == "squash", **{name: getattr(self, name) for name in shared})


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What this very file did on the evaluation images; None where there were no labels."""

    top1: float | None
    top5: float | None
    drop_pt: float | None
    """fp32 top-1 in the same runtime minus this top-1."""
    drop_ci95_pt: tuple[float, float] | None
    agreement: float | None
    """Percent of images with the same top-1 class as fp32."""
    sqnr_db: float | None


@dataclass(frozen=True, kw_only=True)
class PackedModel:
    """One model file."""

    file: str
    runtime: Runtime
    precision: Precision
    made_with: str
    """Version of ExecuTorch, or of the exporter to ONNX, that wrote it."""
    oldest_runtime: OldestRuntime
    golden_output: FloatArray
    """(N, classes) logits that the file gave for the golden input where it was made."""
    least_sqnr_db: float
    """The self-test passes if 10 log10 (Σ golden² / Σ (found − golden)²), over all logits, is at least this."""
    accuracy: Accuracy | None
    """None if it was not measured."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """On what the accuracies were measured."""

    samples: int
    labelled: bool
    source: str
    sha256: str
    """Digest of paths and contents of the images."""
    runtimes: dict[str, str]
    """Runtime -> version that measured."""
    processor: str
    gate: Gate


@dataclass(frozen=True, kw_only=True)
class ImagesUsed:
    """Which images the model was calibrated on."""

    source: str
    count: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PackedCheckpoint:
    """Where the weights came from."""

    source: str
    """Without its folders."""
    format: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PackageDocument:
    """`model.json`."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION, oldest=WITHOUT_FLOAT16)]
    """3 if it has a README.md, as those for boards; else 2 if a model computes in float16, else 1."""
    levit_edge_version: str
    """The version of the levit-edge that packed it."""
    purpose: Purpose
    name: str
    """The size: 128S, 128, 192, 256, 384, demo, or custom."""
    classes: FromOne
    labels_file: str
    input: InputFormat
    golden_input: FloatArray
    """(N, 3, image_size, image_size), already normalised."""
    models: tuple[PackedModel, ...]
    evaluation: Evaluation
    checkpoint: PackedCheckpoint
    calibration: ImagesUsed
    quantized_utc: str
    manifest_sha256: Sha256 | None = None
    """Of the bundle's manifest.json: pages name the bundle in what they measure. None in other packages."""
    files: dict[str, PackedFile]
    """Every file of the package but this one."""

    def __post_init__(self) -> None:
        second = SECOND_MODEL[self.purpose] in self.files
        self._check_files(expected_files(self.purpose, second=second))
        self._check_models(second=second)
        self._check_references()

    def _check_files(self, today: frozenset[str]) -> None:
        board = self.purpose is Purpose.BOARD
        if README_FILE not in self.files:
            today -= {README_FILE}
        expected, found = without_modules(today), without_modules(self.files) if board else frozenset(self.files)
        _require(
            found == expected,
            f"exactly the files of a package for {self.purpose}:"
            f" missing {listed(sorted(expected - found)) or 'none'};"
            f" unknown {listed(sorted(found - expected)) or 'none'}",
        )

    def _check_models(self, *, second: bool) -> None:
        files, (last_runtime, last_precision) = model_files(self.purpose, second=second), SECOND_KIND[self.purpose]
        runtimes = (*runtimes_of(self.purpose), *[last_runtime][: int(second)])
        _require(
            tuple((model.file, model.runtime) for model in self.models) == tuple(zip(files, runtimes, strict=True)),
            f"the models of a package for {self.purpose}, {listed(files)}",
        )
        precisions = [model.precision for model in self.models]
        _require(not second or precisions[-1] is last_precision, f"{files[-1]} as {last_precision}")
        _require(
            self.schema_version == version_of(self.files, precisions),
            f"schema_version {SCHEMA_VERSION} with {README_FILE}, else {WITH_FLOAT16} if a model computes in float16,"
            f" {WITHOUT_FLOAT16} if none does",
        )

    def _check_references(self) -> None:
        side = self.input.image_size
        images = self.golden_input.shape[0] if self.golden_input.shape else 0
        _require(1 <= images <= MOST_GOLDEN, f"1 to {MOST_GOLDEN} golden inputs")
        _require(self.golden_input.shape == (images, 3, side, side), "a golden_input of (N, 3, image_size, image_size)")
        for model in self.models:
            _require(model.golden_output.shape == (images, self.classes), "a golden_output of (N, classes)")
            _require(model.golden_output.file == golden_output_file(model.file), "each model's own golden_output")
            _require(0 < model.least_sqnr_db <= 200, "a least_sqnr_db above 0")
        for name in (self.labels_file, self.golden_input.file):
            _require(name in self.files, f"a name in files for {name[:60]!r}")
        for array in (self.golden_input, *(model.golden_output for model in self.models)):
            _require(
                self.files[array.file].size_bytes == 4 * math.prod(array.shape),
                f"{array.file} as large as its shape says",
            )


def version_of(files: Collection[str], precisions: Collection[Precision]) -> int:
    """The schema version of a package with these files, and models of these precisions."""
    if README_FILE in files:
        return SCHEMA_VERSION
    return WITH_FLOAT16 if Precision.INT8_FLOAT16 in precisions else WITHOUT_FLOAT16


def _require(holds: object, expected: str) -> None:
    if not holds:
        raise PackageError(f"{DOCUMENT_FILE}: expected {expected}")

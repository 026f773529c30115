"""What a bundle says about itself: the dataclasses of `manifest.json`.

Accuracies are in percent, drops in percentage points, sizes in bytes, times in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Self

from levit_edge.bundle.kinds import GateOn, Precision, Runtime
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.data.classes import PairingRecord
from levit_edge.data.image_tables import ImageTables
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage
from levit_edge.data.options import PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import digest
from levit_edge.documents import Between, Count, Version
from levit_edge.errors import BundleError
from levit_edge.model.config import LevitConfig
from levit_edge.system.progress import StageRecord

__all__ = [
    "EMBEDDED",
    "AffineParameters",
    "AmongPresent",
    "Artifact",
    "ArtifactResult",
    "Gate",
    "ImageProvenance",
    "LatencyPrice",
    "LayerRecord",
    "Manifest",
    "Move",
    "SearchRecord",
    "Trial",
    "Verification",
]

SCHEMA_VERSION = 1
EMBEDDED = "embedded"
"""The `source` of the package's own photographs."""
Percent = Annotated[float, Between(0, 100)]
Points = Annotated[float, Between(-100, 100)]
Decibels = Annotated[float, Between(-1000, 1000)]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One model file of a bundle."""

    file: str
    runtime: Runtime
    precision: Precision
    size_bytes: Count
    sha256: str
    graph_sqnr_db: float | None = None
    """Logit SQNR of the file in its runtime against the graph it was exported from, over the golden images."""


@dataclass(frozen=True, kw_only=True)
class ImageProvenance:
    """Which images were used, so that the same can be found again."""

    source: str
    """The folder as the user gave it, or `EMBEDDED`."""
    count: int
    sha256: str
    """Digest of paths and contents, see `levit_edge.data.sampling.digest`."""
    files: tuple[str, ...] = ()
    """Paths relative to `source`."""
    skipped: tuple[str, ...] = ()
    """Images that could not be read and were left out, as `--skip-bad-images` allows."""
    tables: ImageTables | None = None
    """The files that were given to say which images these are, and their classes; None without, and in older
    bundles."""
    passed_over: dict[str, Count] = field(default_factory=dict)
    """How many other files there were, by what they are: `HEIC`, `no image`; see `levit_edge.device.file_kinds`."""

    @classmethod
    def of(cls, source: str, images: ImageSet, bad: Sequence[BadImage], *, list_files: bool = False) -> Self:
        """Describe `images` without the `bad` ones; `source` is the folder as the user named it."""
        unreadable = {each.path for each in bad}
        used = images.select(index for index, path in enumerate(images.images) if path not in unreadable)
        unused = images.select(index for index, path in enumerate(images.images) if path in unreadable)
        return cls(
            source=source,
            count=len(used),
            sha256=digest(used),
            files=used.relative_paths if list_files else (),
            skipped=unused.relative_paths,
            tables=images.tables,
            passed_over=dict(images.passed_over),
        )


@dataclass(frozen=True, kw_only=True)
class AffineParameters:
    """real = scale × (int8 − zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, kw_only=True)
class LayerRecord:
    """How one convolution or linear of the int8 files computes."""

    layer: str
    scheme: LayerScheme
    input: AffineParameters | None
    """Scale and zero point of the input, in static layers."""
    output: AffineParameters | None
    """Scale and zero point of the output, in static layers."""
    weights_sha256: str | None
    """SHA-256 of the int8 weights, row after row, and of their float32 scales; None in float."""


@dataclass(frozen=True, kw_only=True)
class CheckpointProvenance:
    """Where the weights came from."""

    source: str
    format: str
    sha256: str
    entry: str | None = None
    """Which of the file's entries the weights are, such as `state_dict_ema`; None if the file is nothing else."""
    other_entries: tuple[str, ...] = ()
    """The file's other LeViTs."""
    revision: str | None = None
    """Of a model of the hub, which `source` names then, the commit; None for files, and in older bundles."""
    license: str | None = None
    """The licence that its own files state; None if they state none, and in older bundles."""


@dataclass(frozen=True, kw_only=True)
class ArtifactResult:
    """How one artifact did on the evaluation images; the reference is the fp32 artifact of the same runtime.

    Fields that need labels are None without labels; fields that compare are None for the reference itself.
    """

    artifact: str
    runtime: Runtime
    precision: Precision
    size_bytes: Count
    top1: Percent | None = None
    top5: Percent | None = None
    drop_pt: Points | None = None
    """fp32 top-1 minus this top-1."""
    drop_ci95_pt: tuple[Points, Points] | None = None
    """95 % interval of the paired difference (Bonett and Price 2012)."""
    agreement: Percent | None = None
    """Percent of images with the same top-1 class as fp32."""
    flips_lost: Count | None = None
    """Images that fp32 classifies rightly and this artifact wrongly."""
    flips_gained: Count | None = None
    """Images that fp32 classifies wrongly and this artifact rightly."""
    sqnr_db: Decibels | None = None
    """10 log10 (Σ fp32² / Σ (this − fp32)²) over all logits of all images."""
    margin_change_mean: float | None = None
    """Mean change of fp32's top-1 logit minus the largest other one, in logits."""
    margin_change_worst: float | None = None
    images_per_second: float = 0.0
    """One thread, in the runtime alone, without decoding, while other processes do the same on the other cores."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The accuracy gate. `passed` is None when there was no gate or the drop could not be measured."""

    max_drop_pt: float | None
    passed: bool | None
    on: GateOn = GateOn.DROP
    allow_poor_fp32: bool = False
    """Whether it may pass although fp32's accuracy cannot be right."""


@dataclass(frozen=True, kw_only=True)
class AmongPresent:
    """Top-1 where only the classes count that the images have, and these are not all of the network's.

    Of a network for ImageNet's 1,000 classes on Imagenette's ten: how often the largest of ten logits is the right one.
    """

    classes: int
    top1: dict[str, float]
    """Artifact -> percent."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """fp32 and INT8 in the real runtimes over the evaluation images."""

    samples: int
    labelled: bool
    images: ImageProvenance
    runtimes: dict[str, str]
    """Runtime -> version."""
    host: dict[str, str]
    threads: int
    """Threads of each runtime while it was timed."""
    gate: Gate
    classes: PairingRecord | None = None
    """How it was decided which class each label stands for; None without labels, and in older bundles."""
    poor_fp32: str | None = None
    """Why fp32's accuracy cannot be that of the model as it was trained."""
    results: tuple[ArtifactResult, ...]
    not_run: dict[str, str] = field(default_factory=dict)
    """Files that have no result, as the processor cannot run them -> why."""
    among_present: AmongPresent | None = None
    exif: bool = False
    """Whether photographs were turned the way up that EXIF says, other than by the protocol."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """One layer computing otherwise than the recipe says, to keep an accuracy budget."""

    layer: str
    scheme: LayerScheme
    """Dynamic or float."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The first so many moves, simulated on the search images."""

    moves: int
    samples: int
    flips_lost: int
    flips_gained: int
    drop_pt: float
    standard_error_pt: float
    """The standard error of the drop, from the paired flips."""
    agreement: float
    """Percent of images with the same top-1 class as fp32."""
    sqnr_db: float | None


@dataclass(frozen=True, kw_only=True)
class LatencyPrice:
    """Median milliseconds of one image in ExecuTorch, one thread, the three files in turn."""

    recipe_ms: float
    """The recipe without moves."""
    chosen_ms: float
    fp32_ms: float
    runs: int


@dataclass(frozen=True, kw_only=True)
class SearchRecord:
    """How the accuracy budget was searched."""

    max_drop_pt: float
    images: ImageProvenance
    """What was searched on; none of them is among those of the verification."""
    trials: tuple[Trial, ...]
    moves: tuple[Move, ...]
    held: bool
    """Whether drop plus standard error were within the budget on the search images."""
    price: LatencyPrice | None = None
    """None if nothing was moved."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`manifest.json`."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)] = SCHEMA_VERSION
    levit_edge_version: str
    created_utc: str
    config: LevitConfig
    preprocessing: Preprocessing
    preprocessing_origin: str = ""
    """Whose word that is: the file beside the weights, or the options that were given; empty in older bundles."""
    preprocessing_changes: PreprocessingChanges | None = None
    """What the options said, as far as they were given; None in older bundles."""
    warnings: tuple[str, ...] = ()
    """What was told when it was made of how the checkpoint was read, such as a layer that was taken for dropout, and of
    images that may not be what they are taken for; empty in older bundles."""
    recipe: Recipe
    layers: tuple[LayerRecord, ...] = ()
    checkpoint: CheckpointProvenance
    calibration: ImageProvenance
    artifacts: tuple[Artifact, ...]
    files: dict[str, str]
    """SHA-256 of every file of the bundle but this one."""
    labels_file: str = "labels.txt"
    golden_file: str = "golden.npz"
    tools: dict[str, str]
    """Package -> version that made the artifacts."""
    host: dict[str, str]
    verification: Verification
    search: SearchRecord | None = None
    """Where there was an accuracy budget."""
    stages: tuple[StageRecord, ...] = ()

    def __post_init__(self) -> None:
        named = {artifact.file for artifact in self.artifacts} | {self.labels_file, self.golden_file}
        if not named <= set(self.files):
            raise BundleError(f"the manifest names {sorted(named - set(self.files))} without their SHA-256.")

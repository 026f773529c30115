"""What tasks say of networks and images, as documents."""

from dataclasses import dataclass, field

from levit_edge.bundle.manifest import Artifact, CheckpointProvenance, ImageProvenance, LayerRecord
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.classes import ModelClasses
from levit_edge.model.config import LevitConfig
from levit_edge.model.hub_preprocessing import PreprocessingOrigin
from levit_edge.sweep.tasks.call import PLACE

__all__ = ["Calibrated", "CheckpointIdentity", "CheckpointPlace", "Network", "Quantized"]


@dataclass(frozen=True, kw_only=True)
class CheckpointPlace:
    """Where a checkpoint is."""

    path: str | None
    """A path, a URL or an id of the hub; None: the weights that belong to `size`."""
    signature: str | None
    """What tells its content unread, see `levit_edge.sweep.inputs.storage.signature`."""
    size: str | None
    """The size that it has to be."""
    weights: str | None = None
    """Which network of a file that holds several."""
    files: dict[str, str] = field(default_factory=dict)
    """Of a model of the hub, whose id `path` is: each file's name -> its SHA-256 in the store."""

    @property
    def shown(self) -> str:
        """For people."""
        return self.path or f"the weights of {self.size}"


@dataclass(frozen=True, kw_only=True)
class Network:
    """A checkpoint that was read once, as tasks take it."""

    checkpoint: CheckpointPlace = field(metadata=PLACE)
    sha256: str
    """SHA-256 of its weights."""
    entry: str | None
    """Which of the networks in them it is, if there are others."""
    config: LevitConfig


@dataclass(frozen=True, kw_only=True)
class CheckpointIdentity:
    """What a checkpoint is."""

    config: LevitConfig
    provenance: CheckpointProvenance
    preprocessing_origin: PreprocessingOrigin
    labels: tuple[str, ...] | None
    warnings: tuple[str, ...] = ()
    """What a user should know of how it was read."""

    @property
    def classes(self) -> ModelClasses:
        """What labels are paired with."""
        return ModelClasses.of(self.config.classes, self.labels, None)


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What calibration used, besides its blob, the plan."""

    images: ImageProvenance
    """Without their source, which is the plan's."""
    warning: str
    """What to tell the user of them; empty if there is nothing."""


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """What came of a recipe, besides its blobs, the files."""

    recipe: Recipe
    artifacts: tuple[Artifact, ...]
    """fp32 and int8."""
    layers: tuple[LayerRecord, ...]

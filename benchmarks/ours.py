"""levit-edge's own files, made as a user makes them: `quantize` writes a bundle, and its files are read."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.task import Built, Task
from levit_edge.bundle.manifest import Artifact, Manifest
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import Recipe, Target
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.errors import DataError

__all__ = ["Variant", "build", "seconds_for"]

OTHER_WORK = {"check", "verify"}
"""First words of stages that neither quantize nor export."""
FP32_WORK = {"read", "fold"}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One run of `levit-edge quantize`."""

    name: str
    target: Target = Target.ANY
    own_images: bool = True
    """Whether it is given the calibration images, or has to take the embedded ones."""


def build(task: Task, variant: Variant, file: str) -> Built:
    """The `file` of the bundle that one run makes for all files of its variant."""
    bundle = Bundle.open(task.once(f"bundle-{variant.name}", lambda target: _quantize(task, variant, target)))
    manifest = bundle.manifest
    if variant.own_images and manifest.calibration.sha256 != task.calibration.sha256:
        raise DataError("levit-edge calibrated on other images than the others: no comparison.")
    (artifact,) = (each for each in manifest.artifacts if each.file == file)
    return Built(
        model=bundle.read(file),
        calibration_images=manifest.calibration.count,
        note="",
        seconds=seconds_for(manifest, artifact),
    )


def _quantize(task: Task, variant: Variant, target: Path) -> None:
    """levit-edge as it comes; its own verification looks at one image only."""
    from levit_edge.quantize.pipeline import quantize

    quantize(
        task.checkpoint,
        size=task.size,
        output=target,
        calibration=task.calibration_folder if variant.own_images else None,
        evaluation=task.evaluation_folder,
        recipe=Recipe(target=variant.target, calibration_images=task.calibration.count),
        options=ImageOptions(preprocessing=PreprocessingChanges(resize=task.resize), limit=1),
        bench=False,
        thumbnails=False,
    )


def seconds_for(manifest: Manifest, artifact: Artifact) -> float:
    """Seconds from the checkpoint to this file alone: its own export, and the stages that it shares with others."""
    return sum(stage.seconds for stage in manifest.stages if _belongs(stage.name, artifact))


def _belongs(stage: str, artifact: Artifact) -> bool:
    verb, _, rest = stage.partition(" ")
    if verb == "export":
        return rest == artifact.file
    return verb not in OTHER_WORK and (artifact.precision.is_int8 or verb in FP32_WORK)

"""levit-edge's own files, made as a user makes them: `quantize` writes a bundle, and its files are read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from levit_edge.bundle.manifest import Artifact, Manifest
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.system.progress import StageListener

__all__ = ["Ours", "make_ours", "seconds_for"]

OTHER_WORK = {"check", "verify"}
"""First words of stages that neither quantize nor export."""
FP32_WORK = {"read", "fold"}


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What a bundle holds, in memory."""

    manifest: Manifest
    files: dict[Artifact, bytes]


def make_ours(
    checkpoint: str | None,
    *,
    size: str | None,
    calibration: Path | None,
    evaluation: Path | None,
    calibration_images: int,
    resize: int | None,
    listener: StageListener,
    warn: Callable[[str], None],
) -> Ours:
    """Run levit-edge as it comes; its own verification looks at one image only."""
    from levit_edge.quantize.pipeline import quantize

    with TemporaryDirectory() as folder:
        bundle = quantize(
            checkpoint,
            size=size,
            output=Path(folder) / "bundle",
            calibration=calibration,
            evaluation=evaluation,
            recipe=Recipe(calibration_images=calibration_images),
            options=ImageOptions(preprocessing=PreprocessingChanges(resize=resize), limit=1),
            bench=False,
            thumbnails=False,
            listener=listener,
            warn=warn,
        )
        files = {artifact: bundle.read(artifact.file) for artifact in bundle.manifest.artifacts}
    return Ours(manifest=bundle.manifest, files=files)


def seconds_for(manifest: Manifest, artifact: Artifact) -> float:
    """Seconds from the checkpoint to this file alone: its own export, and the stages that it shares with others."""
    return sum(stage.seconds for stage in manifest.stages if _belongs(stage.name, artifact))


def _belongs(stage: str, artifact: Artifact) -> bool:
    verb, _, rest = stage.partition(" ")
    if verb == "export":
        return rest == artifact.file
    return verb not in OTHER_WORK and (artifact.precision.is_int8 or verb in FP32_WORK)

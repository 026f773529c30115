"""One checkpoint to one verified bundle: the library behind `levit-edge quantize`."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from levit_edge.data import imagenet
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import digest
from levit_edge.documents import to_json
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.quantize.artifacts import Checked, Exported, check_exports, export_all
from levit_edge.quantize.calibrate import LayerRanges, calibrate
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.quantize.recipe import Recipe
from levit_edge.quantize.sources import ImageSources, choose_images
from levit_edge.runtime.bundle import Bundle
from levit_edge.runtime.bundle_writer import BundleWriter
from levit_edge.runtime.host import describe_host, package_versions
from levit_edge.runtime.manifest import Artifact, CheckpointProvenance, ImageProvenance, Manifest
from levit_edge.runtime.report import render_report
from levit_edge.runtime.stages import StageListener, Stages
from levit_edge.runtime.verify import evaluate

__all__ = ["quantize"]

Floats = NDArray[np.float32]
CALIBRATION_BATCH = 8
GOLDEN_IMAGES = 4
TOOLS = ("torch", "torchao", "executorch", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")
BYTES_PER_PARAMETER = 14
"""Disk that a bundle takes, generously: fp32 and int8 twice, attention biases gathered."""


def quantize(
    checkpoint: str | Path | None = None,
    *,
    size: str | None = None,
    output: str | Path,
    calibration: Path | None = None,
    evaluation: Path | None = None,
    recipe: Recipe | None = None,
    resize: int | None = None,
    max_drop_pt: float | None = None,
    limit: int | None = None,
    skip_bad_images: bool = False,
    workers: int | None = None,
    listener: StageListener | None = None,
    warn: Callable[[str], None] = lambda _message: None,
) -> Bundle:
    """Fold, calibrate, quantize, export, verify, and write a bundle to `output`.

    `checkpoint` is a file, a folder or a Hugging Face id; None takes the published weights of `size`, or the embedded
    demo. `calibration` and `evaluation` are image folders; without them the embedded photographs serve, and `warn` is
    told what that means. `limit` bounds the evaluation images.

    The bundle is written whether or not the gate `max_drop_pt` holds: see `manifest.verification.gate`.

    Raises:
        LevitEdgeError: see `levit_edge.errors`; nothing is written then.
    """
    stages, recipe = Stages(listener), recipe or Recipe()
    with stages.stage("read checkpoint"):
        source = resolve_checkpoint(None if checkpoint is None else str(checkpoint), size)
        trained = read_checkpoint(source, size)
    preprocessing = Preprocessing.from_config(trained.config, resize)
    images = choose_images(
        demo_model=trained.config.name == "demo",
        classes=trained.config.classes,
        recipe=recipe,
        calibration=calibration,
        evaluation=evaluation,
        limit=limit,
        max_drop_pt=max_drop_pt,
        warn=warn,
    )
    recipe = replace(recipe, calibration_images=len(images.calibration))
    parameters = sum(parameter.numel() for parameter in trained.model.parameters())
    with BundleWriter(Path(output), parameters * BYTES_PER_PARAMETER) as writer:
        with stages.stage("fold batch norm"):
            deploy = fuse(trained.model)
        seen = _calibrate(deploy, images, preprocessing, recipe, skip_bad_images, workers, stages)
        with stages.stage("quantize"):
            graph = quantize_graph(deploy, seen.ranges, recipe)
        exported = export_all(deploy, graph, stages)
        with stages.stage("check exports"):
            checked = check_exports(exported, deploy, graph, seen.golden)
        artifacts = {_add(writer, each, checked[each.file]): each.model for each in exported}
        verification = evaluate(
            artifacts,
            images.evaluation,
            preprocessing,
            source=images.evaluation_source,
            max_drop_pt=max_drop_pt,
            skip_bad_images=skip_bad_images,
            workers=workers,
            stages=stages,
        )
        writer.add("labels.txt", "".join(f"{label}\n" for label in _labels(trained, images)).encode())
        writer.add("golden.npz", _golden(seen.golden, checked))
        manifest = Manifest(
            levit_edge_version=version("levit-edge"),
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            config=trained.config,
            preprocessing=preprocessing,
            recipe=to_json(recipe),
            checkpoint=CheckpointProvenance(
                source=str(checkpoint) if checkpoint else source.name, format=str(trained.format), sha256=trained.sha256
            ),
            calibration=seen.provenance,
            artifacts=tuple(artifacts),
            files=writer.files,
            tools=package_versions(TOOLS),
            host=describe_host(),
            verification=verification,
            stages=tuple(stages.records),
        )
        writer.add("report.html", render_report(manifest).encode())
        return writer.commit(replace(manifest, files=dict(writer.files)))


@dataclass(frozen=True, kw_only=True)
class _Calibrated:
    ranges: dict[str, LayerRanges]
    golden: Floats
    """The first images of the calibration, (GOLDEN_IMAGES, 3, size, size)."""
    provenance: ImageProvenance


def _calibrate(
    deploy: DeployLeViT,
    images: ImageSources,
    preprocessing: Preprocessing,
    recipe: Recipe,
    skip_bad_images: bool,
    workers: int | None,
    stages: Stages,
) -> _Calibrated:
    chosen, golden = images.calibration, list[Floats]()
    with (
        stages.stage("calibrate", total=len(chosen)) as advance,
        Decoder(chosen.images, preprocessing, workers=workers, skip_bad_images=skip_bad_images) as decoder,
    ):

        def tensors() -> Iterator[torch.Tensor]:
            for _, batch in batches(decoder, CALIBRATION_BATCH):
                golden.extend(batch[: max(0, GOLDEN_IMAGES - len(golden))])
                yield torch.from_numpy(batch)
                advance(len(batch))

        ranges = calibrate(deploy, tensors(), recipe)
        skipped = tuple(str(bad.path.relative_to(chosen.root)) for bad in decoder.bad)
    provenance = ImageProvenance(
        source=images.calibration_source,
        count=len(chosen) - len(skipped),
        sha256=digest(chosen),
        files=chosen.relative_paths,
        skipped=skipped,
    )
    return _Calibrated(ranges=ranges, golden=np.stack(golden), provenance=provenance)


def _add(writer: BundleWriter, exported: Exported, checked: Checked) -> Artifact:
    return Artifact(
        file=exported.file,
        runtime=exported.runtime,
        precision=exported.precision,
        size_bytes=len(exported.model),
        sha256=writer.add(exported.file, exported.model),
        graph_sqnr_db=checked.graph_sqnr_db,
    )


def _labels(trained: Checkpoint, images: ImageSources) -> tuple[str, ...]:
    """The checkpoint's own class names, else ImageNet's, else the evaluation folders', else numbers."""
    classes = trained.config.classes
    if trained.labels is not None:
        return trained.labels
    if classes == len(imagenet.class_names()):
        return imagenet.class_names()
    if images.evaluation.class_names is not None:
        return imagenet.readable(images.evaluation.class_names)
    return tuple(f"class {index}" for index in range(classes))


def _golden(inputs: Floats, checked: dict[str, Checked]) -> bytes:
    buffer = io.BytesIO()
    arrays = {file: each.logits for file, each in checked.items()}
    np.savez_compressed(buffer, allow_pickle=False, inputs=inputs, **arrays)
    return buffer.getvalue()

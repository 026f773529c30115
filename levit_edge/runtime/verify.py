"""Verification: fp32 and INT8 in the real runtimes over the same images, compared image by image."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levit_edge.data.imagefolder import ImageSet, read_image_folder
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.errors import DataError
from levit_edge.runtime.bundle import Bundle
from levit_edge.runtime.comparison import Comparison, Counts, paired_interval
from levit_edge.runtime.host import describe_host
from levit_edge.runtime.kinds import Precision, Runtime
from levit_edge.runtime.manifest import (
    Artifact,
    ArtifactResult,
    Gate,
    Verification,
)
from levit_edge.runtime.provenance import image_provenance
from levit_edge.runtime.runner import Runner, open_runner, runtime_version
from levit_edge.runtime.stages import Advance, Stages

__all__ = ["evaluate", "evaluation_set", "verify"]

Floats = NDArray[np.float32]
CHUNK = 16
"""Images handed to each runtime at a time: large enough that waiting for the other runtime costs nothing."""
THREADS = 1


def verify(
    bundle: Bundle,
    evaluation: Path,
    *,
    runtimes: Sequence[Runtime] = tuple(Runtime),
    limit: int | None = None,
    max_drop_pt: float | None = None,
    skip_bad_images: bool = False,
    workers: int | None = None,
    stages: Stages | None = None,
) -> Verification:
    """Run the bundle's artifacts of `runtimes` over the images in the folder `evaluation`.

    `limit` takes a class-balanced sample of at most that many images. `max_drop_pt` is a gate on the drop in top-1,
    percentage points; the result says whether it passed.

    Raises:
        DataError: the folder is not usable, or a gate was asked for and the images have no labels.
        BundleError: a file of the bundle is damaged, or it has no fp32 artifact to compare with.
        RuntimeUnavailableError: a runtime is not installed.
    """
    images = evaluation_set(evaluation, bundle.manifest.config.classes, limit=limit, max_drop_pt=max_drop_pt)
    artifacts = [artifact for artifact in bundle.manifest.artifacts if artifact.runtime in runtimes]
    for runtime in {artifact.runtime for artifact in artifacts} or runtimes:
        bundle.artifact(runtime, Precision.FP32)
    models = {artifact: bundle.read(artifact.file) for artifact in artifacts}
    return evaluate(
        models,
        images,
        bundle.manifest.preprocessing,
        source=str(evaluation),
        max_drop_pt=max_drop_pt,
        skip_bad_images=skip_bad_images,
        workers=workers,
        stages=stages,
    )


def evaluation_set(
    directory: Path, classes: int, *, limit: int | None = None, max_drop_pt: float | None = None
) -> ImageSet:
    """The images of an evaluation folder, at most `limit` of them.

    Raises:
        DataError: the folder is not usable, or it has no labels and `max_drop_pt` needs them.
    """
    images = read_image_folder(directory, classes)
    if images.labels is None and max_drop_pt is not None:
        raise DataError(
            f"{directory} has images but no class folders, so a drop cannot be measured: expected one folder for each"
            " class to check --max-drop. Add labels, or leave --max-drop out to get agreement and SQNR only."
        )
    return balanced_sample(images, min(limit, len(images)), seed=0) if limit is not None else images


def evaluate(
    models: Mapping[Artifact, bytes],
    images: ImageSet,
    preprocessing: Preprocessing,
    *,
    source: str,
    max_drop_pt: float | None = None,
    skip_bad_images: bool = False,
    workers: int | None = None,
    stages: Stages | None = None,
) -> Verification:
    """Run `models` (the bytes of each artifact's file) over `images`; see `verify`."""
    lanes = _open_lanes(models)
    with (
        (stages or Stages()).stage("verify", total=len(images)) as advance,
        Decoder(images.images, preprocessing, workers=workers, skip_bad_images=skip_bad_images) as decoder,
    ):
        _run_lanes(lanes, decoder, images.labels, advance)
        provenance = image_provenance(source, images, decoder.bad)
    results = tuple(evaluated.result() for lane in lanes for evaluated in lane.evaluated)
    runtimes = dict.fromkeys(artifact.runtime for artifact in models)
    return Verification(
        samples=provenance.count,
        labelled=images.labels is not None,
        images=provenance,
        runtimes={str(runtime): runtime_version(runtime) for runtime in runtimes},
        host=describe_host(),
        threads=THREADS,
        gate=_gate(results, max_drop_pt),
        results=results,
    )


@dataclass
class _Evaluated:
    """One artifact and what it has done so far; `comparison` stays empty for the reference."""

    artifact: Artifact
    runner: Runner
    counts: Counts = field(default_factory=Counts)
    comparison: Comparison = field(default_factory=Comparison)
    seconds: float = 0.0
    images: int = 0

    def run(self, image: Floats) -> Floats:
        start = time.perf_counter()
        logits = self.runner.run(image)
        self.seconds += time.perf_counter() - start
        self.images += 1
        return logits

    def result(self) -> ArtifactResult:
        counts = self.counts
        comparison = self.comparison if self.comparison.samples else None
        labelled = counts.samples > 0
        paired = comparison if labelled else None
        return ArtifactResult(
            artifact=self.artifact.file,
            runtime=self.artifact.runtime,
            precision=self.artifact.precision,
            size_bytes=self.artifact.size_bytes,
            top1=100 * counts.top1 / counts.samples if labelled else None,
            top5=100 * counts.top5 / counts.samples if labelled else None,
            drop_pt=100 * (paired.lost - paired.gained) / counts.samples if paired else None,
            drop_ci95_pt=paired_interval(paired.lost, paired.gained, counts.samples) if paired else None,
            agreement=100 * comparison.same / comparison.samples if comparison else None,
            flips_lost=paired.lost if paired else None,
            flips_gained=paired.gained if paired else None,
            sqnr_db=comparison.sqnr_db if comparison else None,
            margin_change_mean=comparison.margin_change_sum / comparison.samples if comparison else None,
            margin_change_worst=comparison.margin_change_worst if comparison else None,
            images_per_second=self.images / self.seconds if self.seconds else 0.0,
        )


@dataclass
class _Lane:
    """The artifacts of one runtime, the fp32 reference first."""

    reference: _Evaluated
    candidates: list[_Evaluated]

    @property
    def evaluated(self) -> list[_Evaluated]:
        return [self.reference, *self.candidates]

    def run(self, images: Floats, labels: Sequence[int | None]) -> None:
        for image, label in zip(images, labels, strict=True):
            reference = self.reference.run(image[np.newaxis])
            reference_right = label is not None and self.reference.counts.add(reference, label)
            for candidate in self.candidates:
                logits = candidate.run(image[np.newaxis])
                candidate.comparison.add(reference, logits)
                if label is not None:
                    candidate.comparison.add_outcome(reference_right, candidate.counts.add(logits, label))


def _open_lanes(models: Mapping[Artifact, bytes]) -> list[_Lane]:
    lanes = []
    for runtime in dict.fromkeys(artifact.runtime for artifact in models):
        opened = [
            _Evaluated(artifact, open_runner(runtime, model, THREADS))
            for artifact, model in models.items()
            if artifact.runtime is runtime
        ]
        reference = next(each for each in opened if each.artifact.precision is Precision.FP32)
        lanes.append(_Lane(reference, [each for each in opened if each is not reference]))
    return lanes


def _run_lanes(lanes: list[_Lane], decoder: Decoder, labels: tuple[int, ...] | None, advance: Advance) -> None:
    """Every image through every lane, the lanes side by side: ONNX Runtime frees the interpreter while it works."""
    with ThreadPoolExecutor(max_workers=max(1, len(lanes))) as pool:
        for indices, images in batches(decoder, CHUNK):
            chunk_labels = [labels[index] if labels is not None else None for index in indices]
            for future in [pool.submit(lane.run, images, chunk_labels) for lane in lanes]:
                future.result()
            advance(len(indices))


def _gate(results: Sequence[ArtifactResult], max_drop_pt: float | None) -> Gate:
    drops = [result.drop_pt for result in results if result.drop_pt is not None]
    passed = all(drop <= max_drop_pt for drop in drops) if max_drop_pt is not None and drops else None
    return Gate(max_drop_pt=max_drop_pt, passed=passed)

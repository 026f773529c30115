"""Verification: fp32 and INT8 in the real runtimes over the same images, compared image by image."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact, ImageProvenance, Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.data.class_names import normal_form
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage, refuse_bad_images
from levit_edge.data.locations import Location
from levit_edge.data.options import AS_TRAINED, DEFAULTS, ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.evaluator import Answer, Model
from levit_edge.runtime.evaluation.gate import NO_GATE, GateRules
from levit_edge.runtime.evaluation.pool import answers, default_processes
from levit_edge.runtime.evaluation.tally import PresentTally, Tallies
from levit_edge.runtime.runner import refusal_here, runtime_version
from levit_edge.system.host import describe_host
from levit_edge.system.progress import Stages

__all__ = ["AnswerListener", "bundle_images", "evaluate", "evaluation_set", "score", "verify"]


AnswerListener = Callable[[Location, int | None, Mapping[Artifact, NDArray[np.float32]]], None]
"""Called with each image, its class if that is known, and the (classes,) logits of each artifact."""


def verify(
    bundle: Bundle,
    evaluation: Path,
    *,
    runtimes: Sequence[Runtime] = tuple(Runtime),
    options: ImageOptions = DEFAULTS,
    rules: GateRules = NO_GATE,
    stages: Stages | None = None,
) -> Verification:
    """Run the bundle's artifacts of `runtimes` over the images in the folder `evaluation`.

    `rules` may hold a gate on the drop in top-1; the result says whether it passed. Of `options`, `workers` is at least
    one, so that a damaged file does not take this process along.

    With the option `exif` photographs are turned the way up that EXIF says, which the result says then.

    Raises:
        DataError: see `bundle_images`.
        BundleError: a file of the bundle is damaged, or it has no fp32 artifact to compare with.
        RuntimeUnavailableError: a runtime is not installed, or cannot load or run a file.
    """
    images = bundle_images(bundle, evaluation, options, rules)
    artifacts = [artifact for artifact in bundle.manifest.artifacts if artifact.runtime in runtimes]
    for runtime in {artifact.runtime for artifact in artifacts} or runtimes:
        bundle.artifact(runtime, Precision.FP32)
    models = {artifact: partial(bundle.read, artifact.file) for artifact in artifacts}
    return evaluate(
        models,
        images,
        bundle.manifest.preprocessing,
        source=str(evaluation),
        options=replace(options, workers=max(1, options.processes(default_processes(len(images))))),
        rules=rules.of_weights(bundle.manifest.config, bundle.manifest.checkpoint.sha256),
        stages=stages,
        classes=bundle.manifest.config.classes,
    )


def bundle_images(bundle: Bundle, evaluation: Path, options: ImageOptions, rules: GateRules) -> ImageSet:
    """The images of an evaluation folder for a finished bundle.

    Raises:
        DataError: the folder is not usable, it has no labels and a gate of `rules` needs them, or options change how
            images are preprocessed.
    """
    if options.preprocessing != AS_TRAINED:
        raise DataError("a bundle preprocesses images as it did when it was made: leave `preprocessing` out.")
    labels = bundle.labels()
    model = ModelClasses.of(bundle.manifest.config.classes, labels, options.classes)
    images = evaluation_set(evaluation, model, options, rules)
    if options.classes is not None and images.pairing is not None:
        _refuse_other_order(labels, images.pairing.names)
    return images


def _refuse_other_order(labels: Sequence[str], names: Sequence[str]) -> None:
    """Refuse a table that gives the bundle's class names to other outputs, as everybody else goes by its labels.txt."""
    own, stated = [[normal_form(name) for name in each] for each in (labels, names)]
    for place, (here, there) in enumerate(zip(own, stated, strict=True)):
        if here != there and here in stated and there in own:
            raise DataError(
                f"--classes says that output {place} is {names[place]!r}, and the bundle's labels.txt that it is "
                f"{labels[place]!r}, which `predict` and packages go by. If the table is right, quantize again with it."
            )


def evaluation_set(
    source: Path, model: ModelClasses, options: ImageOptions = DEFAULTS, rules: GateRules = NO_GATE
) -> ImageSet:
    """The images to evaluate on, at most `limit` of them; see `levit_edge.data.image_set.evaluation_images`.

    Raises:
        DataError: they are not usable, or have no labels and a gate of `rules` needs them.
    """
    images, limit = evaluation_images(source, model, options), options.limit
    if images.labels is None and rules.max_drop_pt is not None:
        raise DataError(
            f"{source} has images but no class folders or other labels, so a drop cannot be measured: expected one"
            " folder for each class to check --max-drop, or a table (--labels). Add labels, or leave --max-drop out to"
            " get agreement and SQNR only."
        )
    return balanced_sample(images, min(limit, len(images)), seed=0) if limit is not None else images


def evaluate(
    models: Mapping[Artifact, Callable[[], bytes]],
    images: ImageSet,
    preprocessing: Preprocessing,
    *,
    source: str,
    options: ImageOptions = DEFAULTS,
    rules: GateRules = NO_GATE,
    stages: Stages | None = None,
    classes: int | None = None,
    flips: AnswerListener | None = None,
) -> Verification:
    """Run `models` (what reads the bytes of each artifact's file) over `images`; see `verify`.

    With `workers` 0 this process runs them, for files that were made here. With `classes` a file has to give so many
    logits. `flips` hears of every image. Files that this processor cannot run are left out, and the result says so.
    """
    processes = options.processes(default_processes(len(images)))
    refusals = {each.file: refusal_here(each.file, each.precision) for each in models}
    models = {each: read for each, read in models.items() if refusals[each.file] is None}
    files = [Model(file=each.file, runtime=each.runtime, read=read, classes=classes) for each, read in models.items()]
    runtimes = dict.fromkeys(artifact.runtime for artifact in models)
    found = score(
        list(models),
        images,
        answers(files, images.images, replace(preprocessing, exif=options.exif), processes),
        source=source,
        runtimes={str(runtime): runtime_version(runtime) for runtime in runtimes},
        host=describe_host(),
        options=options,
        rules=rules,
        stages=stages,
        flips=flips,
    )
    return replace(found, not_run={file: why for file, why in refusals.items() if why is not None})


def score(
    artifacts: Sequence[Artifact],
    images: ImageSet,
    answered: Generator[Answer | str, None, None],
    *,
    source: str,
    runtimes: dict[str, str],
    host: dict[str, str],
    options: ImageOptions = DEFAULTS,
    rules: GateRules = NO_GATE,
    stages: Stages | None = None,
    flips: AnswerListener | None = None,
) -> Verification:
    """Compare what `artifacts` made of `images`, wherever they ran.

    `answered` gives for each image in order the logits of all artifacts, or why it cannot be read; it is closed at the
    end. `runtimes` and `host` say what ran them, and where; `source` is the folder as the user named it.

    Raises:
        DataError: images cannot be read, and are not to be skipped.
        BundleError: a runtime has no fp32 artifact.
    """
    tallies, among = Tallies(artifacts), PresentTally(images.present or ())
    bad: list[BadImage] = []
    with (stages or Stages()).stage("verify", total=len(images)) as advance, closing(answered):
        for index, answer in enumerate(answered):
            if isinstance(answer, str):
                bad.append(BadImage(images.images[index], answer))
            else:
                label = None if images.labels is None else images.labels[index]
                logits = tallies.count(answer, label)
                if label is not None and images.present and 1 < len(images.present) < answer.logits.shape[1]:
                    among.count(logits, label)
                if flips is not None:
                    flips(images.images[index], label, logits)
            advance(1)
        refuse_bad_images(bad, len(images), skip=options.skip_bad_images)
        provenance = ImageProvenance.of(source, images, bad)
    classes = None if images.pairing is None else images.pairing.record
    verification = tallies.verification(provenance, runtimes, host, rules, classes=classes)
    return replace(verification, among_present=among.result(), exif=options.exif)

"""One checkpoint to one verified bundle: the library behind `levit-edge quantize`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import TOOLS
from levit_edge.bundle.manifest import Artifact, ImageProvenance, LayerRecord, Manifest, SearchRecord, Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import Recipe
from levit_edge.bundle.writer import BundleWriter, new_bundle
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.quantize.artifacts import Checked, check_exports, export_all
from levit_edge.quantize.budget import keep_budget
from levit_edge.quantize.bundle_parts import expected_bytes, finish, golden_file, labels_file
from levit_edge.quantize.cached_calibration import calibrated_from_bytes, calibrated_to_bytes
from levit_edge.quantize.prepare import Prepared, check_images, prepare, with_search_images
from levit_edge.quantize.report_data import evaluate_files, layer_report_data, measure_here
from levit_edge.quantize.stage_cache import StageCache, inputs_of
from levit_edge.report.report_data import ReportData
from levit_edge.runtime.evaluation.gate import NO_GATE, GateRules
from levit_edge.system.host import describe_host, package_versions
from levit_edge.system.memory import give_back_freed
from levit_edge.system.progress import StageListener, Stages

__all__ = ["quantize"]

Warn = Callable[[str], None]


def quantize(
    checkpoint: str | Path | None = None,
    *,
    size: str | None = None,
    weights: str | None = None,
    output: str | Path,
    calibration: Path | None = None,
    evaluation: Path | None = None,
    recipe: Recipe | None = None,
    options: ImageOptions = DEFAULTS,
    rules: GateRules = NO_GATE,
    bench: bool = True,
    thumbnails: bool = True,
    listener: StageListener | None = None,
    warn: Warn = lambda _message: None,
    note: Warn | None = None,
) -> Bundle:
    """Fold, calibrate, quantize, export, verify, and write a bundle to `output`.

    `checkpoint` is a file, a folder or a Hugging Face id; None takes the published weights of `size`, or the embedded
    demo. `weights` chooses among the networks of a file that holds several, such as `state_dict_ema`. `calibration` and
    `evaluation` are image folders; without them the embedded photographs serve, and `warn` is told what that means.
    `options` say how the images are read, and how many evaluate.

    `rules.max_drop_pt` is an accuracy budget: on one part of the evaluation images, layers move to better schemes until
    the drop is within it (`levit_edge.quantize.analysis.search`); the other part gives the figures and the gate. The
    bundle is written whether or not the budget holds: see `manifest.search` and `manifest.verification.gate`.

    An interrupted run leaves calibration, search and files in the user's cache; the next of the same inputs takes them
    from there, tells `note` (or `warn`, without it), and makes the same files.

    For the report, `bench` times the files on this computer for some seconds, and `thumbnails` keeps small pictures of
    up to 24 evaluation images that INT8 classifies otherwise than fp32.

    Raises:
        LevitEdgeError: see `levit_edge.errors`; nothing is written then.
    """
    stages = Stages(listener)
    run = prepare(
        checkpoint,
        size,
        weights,
        calibration=calibration,
        evaluation=evaluation,
        recipe=recipe or Recipe(),
        options=options,
        rules=rules,
        stages=stages,
        warn=warn,
    )
    check_images(run, stages)
    run = with_search_images(run)
    run.trained.model.to("meta")  # it is folded: its weights are not needed any more
    with (
        new_bundle(Path(output), expected_bytes(run.trained.model)) as writer,
        StageCache(inputs_of(run), warn, note=note) as kept,
    ):
        bundle = _make(run, writer, kept, stages, warn, bench=bench, thumbnails=thumbnails)
        kept.done()
    return bundle


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What is known of the files that a writer has: no network, so that its weights are in memory no longer."""

    artifacts: tuple[Artifact, ...]
    layers: tuple[LayerRecord, ...]
    recipe: Recipe
    search: SearchRecord | None
    calibration: ImageProvenance
    warnings: tuple[str, ...]
    report_data: ReportData


def _make(
    run: Prepared, writer: BundleWriter, kept: StageCache, stages: Stages, warn: Warn, *, bench: bool, thumbnails: bool
) -> Bundle:
    made = _make_files(run, writer, kept, stages, warn)
    run.deploy.to("meta")
    give_back_freed()  # what evaluates needs memory too
    models = {each: partial(writer.read, each.file) for each in made.artifacts}
    verification, flips = evaluate_files(run, models, stages, thumbnails=thumbnails)
    manifest = _describe(writer, run, made, verification)
    latency = measure_here(writer.staged(manifest), writer.output.name, stages, warn) if bench else None
    manifest = replace(manifest, stages=tuple(stages.records))
    return finish(writer, manifest, replace(made.report_data, flips=flips, latency=latency))


def _make_files(run: Prepared, writer: BundleWriter, kept: StageCache, stages: Stages, warn: Warn) -> _Made:
    decode = partial(calibrated_from_bytes, deploy=run.deploy, images=run.images.calibration)
    calibrated = kept.recalled("calibration", partial(run.calibrate, stages), encode=calibrated_to_bytes, decode=decode)
    if calibrated.warning:
        warn(calibrated.warning)
    planned = keep_budget(run, calibrated.plan, kept, stages, warn)
    depends_on = f"{planned.moves} {run.recipe.stem_in_float16}"
    recalled = partial(kept.recalled, depends_on=depends_on, encode=bytes, decode=bytes)
    give_back_freed()
    exported = export_all(run.deploy, planned.plan, stages, run.recipe, recalled, preprocessing=run.preprocessing)
    planned = planned.priced(exported, calibrated.golden[:1], run.recipe, stages)
    checked = check_exports(exported, calibrated.golden, stages)
    del exported
    _add_files(writer, run, calibrated.golden, checked)
    artifacts = tuple(each.artifact for each in checked)
    del checked
    give_back_freed()
    report_data = layer_report_data(
        planned.plan, calibrated.readable, run.preprocessing, stages, limit=run.options.limit
    )
    return _Made(
        artifacts=artifacts,
        layers=planned.plan.records,
        recipe=planned.recipe(run.recipe),
        search=planned.search,
        calibration=calibrated.provenance(run.images.calibration_source),
        warnings=(*run.warnings, *filter(None, (calibrated.warning,))),
        report_data=report_data,
    )


def _add_files(writer: BundleWriter, run: Prepared, golden: NDArray[np.float32], checked: Sequence[Checked]) -> None:
    for each in checked:
        writer.add(each.artifact.file, each.model)
    classes, pairing = run.trained.config.classes, run.images.evaluation.pairing
    writer.add("labels.txt", labels_file(classes, run.trained.labels, pairing))
    writer.add("golden.npz", golden_file(golden, checked))


def _describe(writer: BundleWriter, run: Prepared, made: _Made, verification: Verification) -> Manifest:
    return Manifest(
        levit_edge_version=version("levit-edge"),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        config=run.trained.config,
        preprocessing=run.preprocessing,
        preprocessing_origin=run.preprocessing_origin,
        preprocessing_changes=run.options.preprocessing,
        warnings=made.warnings,
        recipe=made.recipe,
        layers=made.layers,
        checkpoint=run.provenance,
        calibration=made.calibration,
        artifacts=made.artifacts,
        files=writer.files,
        tools=package_versions(TOOLS),
        host=describe_host(),
        verification=verification,
        search=made.search,
    )

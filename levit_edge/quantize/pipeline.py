"""One checkpoint to one verified bundle: the library behind `levit-edge quantize`."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from levit_edge.bundle.kinds import TOOLS
from levit_edge.bundle.manifest import CheckpointProvenance, SearchRecord
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.bundle.writer import BundleWriter
from levit_edge.data.loader import check_headers
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import to_json
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.quantize.analysis.latency_price import latency_price
from levit_edge.quantize.analysis.search import search_schemes, split_for_search
from levit_edge.quantize.analysis.search_state import SearchState
from levit_edge.quantize.artifacts import check_exports, export_all
from levit_edge.quantize.bundle_parts import (
    artifact_of,
    expected_bytes,
    finish,
    golden_file,
    labels_file,
    make_manifest,
)
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.calibration.sources import choose_images
from levit_edge.quantize.evidence import layer_evidence, measure_here
from levit_edge.quantize.kept import Kept, inputs_of
from levit_edge.quantize.kept_plan import recalled_plan
from levit_edge.quantize.layer_records import layer_records
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.report.flips import FlipLog
from levit_edge.runtime.evaluation.verify import evaluate
from levit_edge.system.host import package_versions
from levit_edge.system.progress import StageListener, Stages

__all__ = ["quantize"]


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
    bench: bool = True,
    thumbnails: bool = True,
    workers: int | None = None,
    listener: StageListener | None = None,
    warn: Callable[[str], None] = lambda _message: None,
) -> Bundle:
    """Fold, calibrate, quantize, export, verify, and write a bundle to `output`.

    `checkpoint` is a file, a folder or a Hugging Face id; None takes the published weights of `size`, or the embedded
    demo. `calibration` and `evaluation` are image folders; without them the embedded photographs serve, and `warn` is
    told what that means. `limit` bounds the evaluation images.

    `max_drop_pt` is an accuracy budget: on one part of the evaluation images, layers move to better schemes until the
    drop is within it (`levit_edge.quantize.analysis.search`); the other part gives the figures and the gate. The bundle
    is written whether or not the budget holds: see `manifest.search` and `manifest.verification.gate`.

    An interrupted run leaves calibration, search and files in the user's cache; the next of the same inputs takes them
    from there, tells `warn`, and makes the same files.

    For the report, `bench` times the files on this computer for some seconds, and `thumbnails` keeps small pictures of
    up to 24 evaluation images that INT8 classifies otherwise than fp32.

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
    if not skip_bad_images:
        with stages.stage("check images", total=len(images.evaluation)) as advance:
            check_headers(images.evaluation.images, advance)
    recipe = replace(recipe, calibration_images=len(images.calibration))
    search_images = None
    if max_drop_pt is not None:
        search_images, final_images = split_for_search(images.evaluation, recipe.seed)
        images = replace(images, evaluation=final_images)
    inputs = inputs_of(
        trained,
        images.calibration,
        recipe,
        preprocessing,
        skip_bad_images=skip_bad_images,
        tools=package_versions(TOOLS),
    )
    with BundleWriter(Path(output), expected_bytes(trained.model)) as writer, Kept(inputs, warn) as kept:
        with stages.stage("fold batch norm"):
            deploy = fuse(trained.model)
        with CalibrationImages(
            images.calibration, preprocessing, skip_bad_images=skip_bad_images, workers=workers
        ) as calibration_images:
            plan = planned = recalled_plan(kept, deploy, calibration_images, recipe, stages)
        if calibration_images.alike and len(calibration_images) > 1:
            warn(
                f"the {len(calibration_images)} calibration images are all the same picture: the ranges will not fit"
                " others. Give images like those that the model will see."
            )
        calibrated = calibration_images.provenance(images.calibration_source)
        search: SearchRecord | None = None
        if max_drop_pt is not None and search_images is not None:
            plan, search = search_schemes(
                planned,
                search_images,
                preprocessing,
                source=images.evaluation_source,
                max_drop_pt=max_drop_pt,
                state=SearchState(kept, search_images),
                skip_bad_images=skip_bad_images,
                workers=workers,
                stages=stages,
            )
            if not search.held:
                warn(_not_held(search))
        with stages.stage("quantize"):
            graph = quantize_graph(plan)
        moves = json.dumps(to_json(search.moves)) if search is not None else ""
        exported = export_all(deploy, graph, stages, recipe, partial(kept.recalled, moves))
        if search is not None and search.moves:
            with stages.stage("measure price"):
                search = replace(search, price=latency_price(planned, exported, calibration_images.golden[:1]))
        with stages.stage("check exports"):
            checked = check_exports(exported, calibration_images.golden)
        evidence = layer_evidence(plan, calibration_images.readable, preprocessing, stages, limit=limit)
        artifacts = {
            artifact_of(each, checked[each.file], writer.add(each.file, each.model)): each.model for each in exported
        }
        flips = FlipLog()
        verification = evaluate(
            artifacts,
            images.evaluation,
            preprocessing,
            source=images.evaluation_source,
            max_drop_pt=max_drop_pt,
            skip_bad_images=skip_bad_images,
            workers=workers,
            stages=stages,
            flips=flips,
        )
        writer.add("labels.txt", labels_file(trained.config.classes, trained.labels, images.evaluation.class_names))
        writer.add("golden.npz", golden_file(calibration_images.golden, checked))
        manifest = make_manifest(
            writer,
            config=trained.config,
            preprocessing=preprocessing,
            recipe=recipe if search is None else _with_moves(recipe, search),
            layers=layer_records(plan),
            checkpoint=CheckpointProvenance(
                source=str(checkpoint) if checkpoint else source.name, format=str(trained.format), sha256=trained.sha256
            ),
            calibration=calibrated,
            artifacts=tuple(artifacts),
            verification=verification,
            search=search,
        )
        seen = flips.flips(images.evaluation.root, preprocessing, thumbnails=thumbnails)
        latency = measure_here(writer.staged(manifest), writer.output.name, stages, warn) if bench else None
        evidence = replace(evidence, flips=seen, latency=latency)
        bundle = finish(writer, replace(manifest, stages=tuple(stages.records)), evidence)
        kept.done()
        return bundle


def _with_moves(recipe: Recipe, search: SearchRecord) -> Recipe:
    """The recipe that makes the same choice without a search."""

    def moved(scheme: LayerScheme) -> tuple[str, ...]:
        return tuple(move.layer for move in search.moves if move.scheme is scheme)

    return replace(
        recipe,
        dynamic_layers=recipe.dynamic_layers + moved(LayerScheme.DYNAMIC),
        float_layers=recipe.float_layers + moved(LayerScheme.FLOAT),
    )


def _not_held(search: SearchRecord) -> str:
    best = next(trial for trial in search.trials if trial.moves == len(search.moves))
    return (
        f"no choice of schemes kept the drop within {search.max_drop_pt:g} points on {best.samples} search images. The"
        f" best moves {best.moves} layers and drops {best.drop_pt:.2f} ± {best.standard_error_pt:.2f} points (agreement"
        f" {best.agreement:.2f} %); it is what was exported. Give more evaluation images, more calibration images or a"
        " larger --max-drop."
    )

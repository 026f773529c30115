"""A whole sweep: the library behind `levit-edge sweep`."""

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain, count
from pathlib import Path, PurePosixPath

from levit_edge.bundle.reader import read_manifest
from levit_edge.data.named_sets import Use
from levit_edge.data.options import ImageOptions
from levit_edge.demo import checkpoint_path
from levit_edge.device.small_files import usable_cores
from levit_edge.errors import DataError, DownloadError, PlanError, SweepError
from levit_edge.model.hub import fetch_from_hub
from levit_edge.model.source import has_hub_form
from levit_edge.sweep.candidates import BuiltCandidate, NamedCheckpoint, make_candidates
from levit_edge.sweep.engines.engine import Engine
from levit_edge.sweep.engines.environment import computed_on, environment
from levit_edge.sweep.engines.local_engine import LocalEngine
from levit_edge.sweep.inputs.checkpoint_files import checkpoint_paths
from levit_edge.sweep.inputs.images import Images, find_images
from levit_edge.sweep.inputs.shard_index import check_counts
from levit_edge.sweep.inputs.sources import Listing, list_shards
from levit_edge.sweep.latency import measured
from levit_edge.sweep.outcome.choice import chosen
from levit_edge.sweep.outcome.output import Output
from levit_edge.sweep.outcome.results import SweepResults
from levit_edge.sweep.plan import SHARD_IMAGES, CheckpointSource, SweepPlan, WinnerBy
from levit_edge.sweep.tasks.calibrate_task import calibration_part
from levit_edge.sweep.tasks.identity import CheckpointPlace
from levit_edge.sweep.tasks.result import Listener
from levit_edge.sweep.tasks.runner import Runner, run_to_end
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.memory import available_bytes

__all__ = ["LOCAL", "RAY", "distinct_names", "named_checkpoints", "open_engine", "sweep"]

LOCAL, RAY = "local", "ray"
ENOUGH = 1 << 62
"""Where nobody knows how much memory there is."""
LONGEST_NAME = 60
ENDING = re.compile(r"(\.pth|\.pt|\.bin|\.safetensors|\.ckpt|\.tar|\.index\.json)+$", re.IGNORECASE)


def sweep(
    plan: SweepPlan,
    output: str,
    *,
    engine: str = LOCAL,
    workers: int | None = None,
    any_processor: bool = False,
    listener: Listener | None = None,
    warn: Callable[[str], None] = lambda _message: None,
) -> SweepResults:
    """Do everything that `plan` says, and write what came of it below `output`, a folder or an fsspec URL.

    `engine` is `local`, `ray` (a cluster that this machine is part of, or else one of this machine alone) or
    `ray://host:port`. `workers` bounds the processes of `local`. `any_processor` allows a cluster of different
    processors, whose results may differ in the last digits. What is in the store below `output` is not done again.

    What fails is told in `SweepResults.candidates`, and the rest goes on.

    Raises:
        LevitEdgeError: nothing can be done: the plan's checkpoints or images are not there or not as many as it says,
            the engine cannot be reached or is lost, the output cannot be written.
    """
    start, listener = time.monotonic(), listener or Listener()
    _require_packages()
    plan = _resolved(plan)
    checkpoints = named_checkpoints(plan.checkpoints)
    calibration, evaluation = _listings(plan)
    place = Output(output)
    with place.reserved():
        store = place.store
        checkpoints = [each.kept_in(store) for each in checkpoints]
        here = environment()
        with open_engine(engine, store, here, workers, any_processor=any_processor) as running:
            computed = computed_on(here, running.processors)
            runner = Runner(store, running, computed, listener, plan.limits.retries)
            built, images = run_to_end(_all(plan, checkpoints, calibration, evaluation, runner))
            description = running.description
        for warning in _warnings(built, images[1]):
            warn(warning)
        if plan.latency is not None:
            built = tuple(measured(built, plan.latency, store, here, listener, warn))
        candidates = tuple(
            candidate
            for each in checkpoints
            for candidate in chosen([b.candidate for b in built if b.candidate.checkpoint == each.name], plan)
        )
        results = SweepResults(
            levit_edge_version=version("levit-edge"),
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            plan=plan,
            environment=computed,
            engine=description,
            seconds=round(time.monotonic() - start, 1),
            tasks=dict(runner.counts),
            candidates=candidates,
            device=next((each.latency.device for each in built if each.latency), None),
            passed_over={each.listing.source: each.passed_over for each in images if each.passed_over},
        )
        place.write(results, [each for each, judged in zip(built, candidates, strict=True) if judged.winner])
    return results


def _resolved(plan: SweepPlan) -> SweepPlan:
    """The plan with the recipes that are worked by: it names the images to calibrate on."""
    return replace(plan, recipes={name: each.resolved(own_images=True) for name, each in plan.recipes.items()})


async def _all(
    plan: SweepPlan, checkpoints: Sequence[NamedCheckpoint], calibration: Listing, evaluation: Listing, runner: Runner
) -> tuple[tuple[BuiltCandidate, ...], tuple[Images, Images]]:
    """The candidates of all checkpoints, and the images to calibrate on and to evaluate on."""
    listings = (calibration, evaluation)
    runner.listener.expect("index", len({shard for listing in listings for shard in listing.shards}))
    calibrated, evaluated = await asyncio.gather(*(find_images(each, runner, plan.limits) for each in listings))
    if not evaluated.problems:
        check_counts(evaluation, evaluated.indices, plan.evaluation.count, plan.evaluation.per_class)
    _require_labels(plan, evaluated)
    recipes = plan.recipes.values()
    attentions = len({recipe.onnx_attention for recipe in recipes})
    for kind, tasks in (
        ("identify", 1),
        ("export", attentions),
        ("calibrate", len({calibration_part(recipe) for recipe in recipes})),
        ("quantize", len(set(recipes))),
        ("evaluate", attentions * len(evaluated.indices)),
    ):
        runner.listener.expect(kind, tasks * len(checkpoints))
    built = await asyncio.gather(*(make_candidates(each, plan, runner, calibrated, evaluated) for each in checkpoints))
    return tuple(each for of_one in built for each in of_one), (calibrated, evaluated)


def _warnings(built: Sequence[BuiltCandidate], evaluated: Images) -> Iterator[str]:
    """What to tell the user, each once."""
    yield from dict.fromkeys(warning for each in built for warning in each.candidate.warnings)
    if evaluated.indices and not evaluated.labels_are_known:
        yield f"{evaluated.unlabelled}. The drop is not measured, only agreement with fp32 and SQNR."


def _require_labels(plan: SweepPlan, images: Images) -> None:
    wants = {
        "gates.max_drop_pt": plan.gates.max_drop_pt is not None,
        "winner.by accuracy": plan.winner.by is WinnerBy.ACCURACY,
    }
    named = [name for name, wanted in wants.items() if wanted]
    if named and images.indices and not images.labels_are_known:
        raise DataError(f"{images.unlabelled}. The plan wants labels for {' and '.join(named)}.")


def _listings(plan: SweepPlan) -> tuple[Listing, Listing]:
    """The shards to calibrate on and to evaluate on."""
    calibration, evaluation = plan.calibration, plan.evaluation
    calibrating = ImageOptions(only=_path(calibration.only))
    evaluating = ImageOptions(
        classes=_path(evaluation.classes),
        labels=_path(evaluation.labels),
        devkit=_path(evaluation.devkit),
        only=_path(evaluation.only),
    )
    return (
        list_shards(calibration.images, SHARD_IMAGES, calibrating, Use.CALIBRATION),
        list_shards(evaluation.images, evaluation.shard_images, evaluating),
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _require_packages() -> None:
    """What is needed at the end is asked for at the beginning.

    Raises:
        SweepError: something is not installed.
    """
    missing = [
        name for name in ("fsspec", "jinja2", "matplotlib", "pyarrow", "torch", "webdataset") if not find_spec(name)
    ]
    if missing:
        raise SweepError(f"{', '.join(missing)} not installed: run `pip install 'levit-edge[quantize,sweep]'`.")


def named_checkpoints(sources: Sequence[CheckpointSource]) -> list[NamedCheckpoint]:
    """All checkpoints that the plan names, each once.

    Raises:
        CheckpointError: there is none where one is named.
        DownloadError: one of the hub cannot be fetched.
        PlanError: one is named twice.
        BundleError: preprocessing is to be that of a bundle, and it is none.
    """
    for bundle in filter(None, (source.preprocessing for source in sources)):
        read_manifest(Path(bundle))
    places = [(source, *found) for source in sources for found in _places(source)]
    paths = [place.path or ("demo" if source.size == "demo" else f"levit-{source.size}") for source, place, _ in places]
    weights = [place.weights for _, place, _ in places]
    if twice := next((path for path, times in Counter(zip(paths, weights, strict=True)).items() if times > 1), None):
        raise PlanError(f"the plan names the checkpoint {' '.join(filter(None, twice))} twice.")
    return [
        NamedCheckpoint(name=name, place=place, preprocessing=source.changes, fetched=fetched)
        for name, (source, place, fetched) in zip(distinct_names(paths, weights), places, strict=True)
    ]


def _places(source: CheckpointSource) -> list[tuple[CheckpointPlace, Path | None]]:
    """Where they are, and where this machine has them if they are of the hub."""
    here = CheckpointPlace(path=source.path, signature=None, size=source.size, weights=source.weights)
    if source.path is None and source.size != "demo":  # published weights, which are checked by their hash
        return [(here, None)]
    if source.path is not None and has_hub_form(source.path):
        return [(here, _fetched(source.path))]
    return [
        (replace(here, path=source.path and file.path, signature=file.signature), None)
        for file in checkpoint_paths(source.path or str(checkpoint_path()))
    ]


def _fetched(model_id: str) -> Path:
    try:
        return fetch_from_hub(model_id)
    except DownloadError as error:
        raise DownloadError(f"{error} Paths start at the plan's folder, where there is no {model_id}.") from error


def distinct_names(paths: Sequence[str], weights: Sequence[str | None]) -> list[str]:
    """For each path or URL its last part without endings of weights; where that is not enough, with its folder's name.

    The networks of a file that are asked for by their names have these behind it. What is still the same is numbered.
    """
    short = [_short(path, entry) for path, entry in zip(paths, weights, strict=True)]
    names = [
        name if short.count(name) == 1 else _plain(f"{PurePosixPath(path).parent.name}-{name}")
        for name, path in zip(short, paths, strict=True)
    ]
    taken = dict[str, None]()
    for name in names:
        numbered = (f"{name}-{number}" for number in count(2))
        taken[next(each for each in chain([name], numbered) if each not in taken)] = None
    return list(taken)


def _short(path: str, entry: str | None) -> str:
    name = ENDING.sub("", PurePosixPath(path).name)
    return _plain(name if entry is None else f"{name}-{entry}")


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")[:LONGEST_NAME] or "checkpoint"


def open_engine(
    engine: str, store: Store, here: dict[str, str], workers: int | None, *, any_processor: bool = False
) -> AbstractContextManager[Engine]:
    """The engine of that name, whose workers write into `store`; see `sweep` for names and options.

    Raises:
        SweepError: there is no such engine, or what it needs is not installed.
    """
    run_id = secrets.token_hex(4)
    if engine == LOCAL:
        return LocalEngine(
            store.url, here, run_id, workers=workers or usable_cores(), memory_bytes=available_bytes() or ENOUGH
        )
    if engine != RAY and not engine.startswith("ray://"):
        raise SweepError(f"{engine!r} is no engine; expected {LOCAL}, {RAY} or ray://host:port.")
    from levit_edge.sweep.engines.ray_engine import RayEngine

    return RayEngine(store, here, run_id, address=engine, any_processor=any_processor)

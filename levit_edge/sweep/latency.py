"""The candidates' files timed, one candidate after the other, when nothing else of the sweep runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from levit_edge.benchmark.files import shareable
from levit_edge.benchmark.measurement import Device, Measurement
from levit_edge.board.android.app import measure_by_agent_or_app
from levit_edge.board.measure import BenchmarkSettings
from levit_edge.board.transports.target import open_target
from levit_edge.documents import to_json
from levit_edge.errors import BoardError
from levit_edge.sweep.candidates import BuiltCandidate
from levit_edge.sweep.outcome.bundles import write_bundle
from levit_edge.sweep.plan import Latency, SweepPlan
from levit_edge.sweep.tasks.result import Result, key_of
from levit_edge.sweep.tasks.runner import Listener
from levit_edge.sweep.tasks.store import Store

__all__ = ["Timed", "measured"]

KIND = "latency"


@dataclass(frozen=True)
class Timed:
    """The candidates with their latencies, and what these are of; None if none was measured."""

    built: tuple[BuiltCandidate, ...]
    device: Device | None


def measured(
    built: Sequence[BuiltCandidate],
    class_names: tuple[str, ...] | None,
    plan: SweepPlan,
    store: Store,
    environment: dict[str, str],
    listener: Listener,
    warn: Callable[[str], None],
) -> Timed:
    """Time the files of all candidates that were evaluated, where the plan says; measurements in the store stay.

    A board that fails is a problem of the candidate, and `warn` is told.
    """
    if plan.latency is None:
        return Timed(tuple(built), None)
    listener.expect(KIND, len(built))
    timed = []
    for each in built:
        timed.append(_timed(each, class_names, plan.latency, store, environment, warn))
        listener.ended(KIND)
    return Timed(tuple(timed), next((each.latency.device for each in timed if each.latency), None))


def _timed(
    built: BuiltCandidate,
    class_names: tuple[str, ...] | None,
    plan: Latency,
    store: Store,
    environment: dict[str, str],
    warn: Callable[[str], None],
) -> BuiltCandidate:
    if built.candidate.verification is None:
        return built
    inputs = {
        "artifacts": sorted(each.sha256 for each in built.candidate.artifacts),
        "on": plan.on,
        "runs": plan.runs,
    }
    kept = store.result(key_of(KIND, inputs, environment))
    if kept is not None:
        measurement = kept.read(Measurement)
    else:
        try:
            measurement = _measure(built, class_names, plan, store)
        except BoardError as error:
            warn(f"latency of {built.candidate.title}: {error}")
            return built.with_problems(f"latency: {error}")
        store.keep(KIND, inputs, environment, Result(value=to_json(measurement)))
    latency = {each.artifact: each.latency_ms for each in measurement.results if each.latency_ms is not None}
    return replace(built, candidate=replace(built.candidate, latency=latency), latency=measurement)


def _measure(built: BuiltCandidate, class_names: tuple[str, ...] | None, plan: Latency, store: Store) -> Measurement:
    """Time the candidate's files, one thread, in turns."""
    with TemporaryDirectory(prefix="levit-edge-") as folder:
        name = f"{built.candidate.checkpoint}-{built.candidate.recipe}"
        bundle = write_bundle(built, Path(folder, name), store, class_names)
        settings = BenchmarkSettings(threads=(1,), runs=plan.runs)
        found = shareable(measure_by_agent_or_app(bundle, open_target(plan.on), settings))
    return replace(found, model=replace(found.model, manifest_sha256=""))

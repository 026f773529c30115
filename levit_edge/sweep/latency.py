"""The candidates' files timed, one candidate after the other, when nothing else of the sweep runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from levit_edge.benchmark.files import shareable
from levit_edge.benchmark.measurement import Measurement
from levit_edge.board.android.app import measure_by_agent_or_app
from levit_edge.board.measure import BenchmarkSettings
from levit_edge.board.transports.target import open_target
from levit_edge.documents import to_json
from levit_edge.errors import BoardError
from levit_edge.sweep.candidates import BuiltCandidate
from levit_edge.sweep.outcome.bundles import write_bundle
from levit_edge.sweep.plan import Latency
from levit_edge.sweep.tasks.result import Listener, Result, key_of
from levit_edge.sweep.tasks.store import Store

__all__ = ["measured"]

KIND = "latency"


def measured(
    built: Sequence[BuiltCandidate],
    plan: Latency,
    store: Store,
    environment: dict[str, str],
    listener: Listener,
    warn: Callable[[str], None],
) -> Iterator[BuiltCandidate]:
    """The candidates, with the times of the files of those that were evaluated; measurements in the store stay.

    A board that fails is a problem of the candidate, and `warn` is told.
    """
    listener.expect(KIND, len(built))
    for each in built:
        try:
            yield _timed(each, plan, store, environment) if each.candidate.verification else each
        except BoardError as error:
            warn(f"latency of {each.candidate.title}: {error}")
            yield each.with_problems(f"latency: {error}")
        listener.ended(KIND)


def _timed(built: BuiltCandidate, plan: Latency, store: Store, environment: dict[str, str]) -> BuiltCandidate:
    files = sorted(each.sha256 for each in built.candidate.artifacts)
    inputs = {"artifacts": files, "on": plan.on, "runs": plan.runs}
    kept = store.result(key_of(KIND, inputs, environment))
    if kept is None:
        kept = Result(value=to_json(_measure(built, plan, store)))
        store.keep(KIND, inputs, environment, kept)
    measurement = kept.read(Measurement)
    latency = {each.artifact: each.latency_ms for each in measurement.results if each.latency_ms is not None}
    return replace(built, candidate=replace(built.candidate, latency=latency), latency=measurement)


def _measure(built: BuiltCandidate, plan: Latency, store: Store) -> Measurement:
    """Time the candidate's files, one thread, in turns."""
    with TemporaryDirectory(prefix="levit-edge-") as folder:
        name = f"{built.candidate.checkpoint}-{built.candidate.recipe}"
        bundle = write_bundle(built, Path(folder, name), store)
        settings = BenchmarkSettings(threads=(1,), runs=plan.runs)
        found = shareable(measure_by_agent_or_app(bundle, open_target(plan.on), settings))
    return replace(found, model=replace(found.model, manifest_sha256=""))

"""The benchmark that a page sends back: a measurement of this bundle, or refused."""

from dataclasses import replace

from levit_edge.benchmark.files import checked
from levit_edge.benchmark.measurement import BoardState, LatencyGate, Measurement
from levit_edge.board.measure import model_under_test
from levit_edge.bundle.from_hub import name_of
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.documents import parse_json
from levit_edge.errors import MeasurementError
from levit_edge.text import reason

__all__ = ["MAX_RESULT_BYTES", "TARGET", "read_result"]

MAX_RESULT_BYTES = 2**18
"""A page's own has some kilobytes."""
TARGET = "web"
WHAT = "what the page sent"
NOT_MEASURED: dict[str, object] = {
    "before": BoardState(), "after": BoardState(), "left_out": {}, "sustained": None, "gate": LatencyGate(),
    "emulated": (), "profiles": (),
}  # fmt: skip


def read_result(content: bytes, bundle: Bundle) -> Measurement:
    """The measurement in `content`, of the models of `bundle`.

    Raises:
        MeasurementError: it is none, cannot be, is of another model, or says that the page could not measure.
    """
    document = parse_json(content, MeasurementError, WHAT)
    if isinstance(document, dict) and document.keys() == {"error"}:
        raise MeasurementError(f"the page could not measure: {reason(document['error'], 500)}")
    measurement = checked(document, WHAT)
    model = model_under_test(bundle)
    kinds = [(each.file, each.size_bytes, each.runtime, each.precision) for each in bundle.manifest.artifacts]
    there = {kind for kind in kinds if kind[2] is Runtime.ONNXRUNTIME}
    sent = {(each.artifact, each.size_bytes, each.runtime, each.precision) for each in measurement.results}
    if measurement.target != TARGET or measurement.model != model or not sent <= there:
        raise MeasurementError(f"{WHAT} is not of the models of {bundle.path}.")
    if more := [name for name, value in NOT_MEASURED.items() if getattr(measurement, name) != value]:
        raise MeasurementError(f"{WHAT} has {', '.join(more)}, which no page measures.")
    return replace(measurement, bundle=name_of(bundle.path))

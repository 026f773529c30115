"""The benchmark that a page sends back: a measurement of this bundle, or refused."""

from dataclasses import replace

from levit_edge.benchmark.files import checked
from levit_edge.benchmark.measurement import Measurement
from levit_edge.board.measure import model_under_test
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
    there = {(each.file, each.size_bytes) for each in bundle.manifest.artifacts if each.runtime is Runtime.ONNXRUNTIME}
    sent = {(each.artifact, each.size_bytes) for each in measurement.results}
    same = replace(measurement.model, manifest_sha256=model.manifest_sha256) == model and sent <= there
    if measurement.target != TARGET or not same:
        raise MeasurementError(f"{WHAT} is not of the models of {bundle.path}.")
    return replace(measurement, bundle=str(bundle.path), model=model)

"""Predictions as the objects that sheets are made of, see `levit_edge.device.sheets`."""

from typing import Any, TypeAlias

from levit_edge.data.loader import BadImage
from levit_edge.documents import to_json
from levit_edge.runtime.evaluation.predict import Prediction
from levit_edge.runtime.evaluation.stream import FramePrediction

__all__ = ["Outcome", "outcome_document"]

Outcome: TypeAlias = Prediction | BadImage | FramePrediction


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """One row."""
    if isinstance(outcome, BadImage):
        return {"image": str(outcome.path), "error": outcome.reason}
    document: dict[str, Any] = to_json(outcome)
    return document

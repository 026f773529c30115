"""An agent with a file and a worker."""

from typing import Any

import numpy as np

from levit_edge.board.session import Session
from tests.conftest import colour_classifier


def open_model(board: Session) -> dict[str, Any]:
    """Send a small classifier and have it opened."""
    board.put("model.onnx", colour_classifier(np.eye(3)))
    model = {"file": "model.onnx", "runtime": "onnxruntime"}
    return board.ask("open", models=[model], shape=[1, 3, 32, 32], tables=[[0.0] * 256] * 3)

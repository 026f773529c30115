"""Take a trained LeViT image classifier to verified INT8 ExecuTorch and ONNX files.

    from levit_edge import load, fuse, quantize, verify, predict, Bundle

Importing the package imports neither torch nor a runtime: each name is loaded when it is first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.bundle.recipe import Recipe
    from levit_edge.data.options import ImageOptions, PreprocessingChanges
    from levit_edge.errors import LevitEdgeError
    from levit_edge.model.checkpoint import load
    from levit_edge.model.fuse import fuse
    from levit_edge.quantize.pipeline import quantize
    from levit_edge.runtime.evaluation.gate import GateRules
    from levit_edge.runtime.evaluation.predict import predict
    from levit_edge.runtime.evaluation.verify import verify

# What runs here stays here: onnxruntime for Linux (1.31 and 1.32) reports to its makers, and leaves an identifier in
# the home folder, unless this is set before it is imported. Whoever wants that can set it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# huggingface_hub tells its makers with each request what is installed beside it, and asks daily for more to tell.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

__all__ = [
    "Bundle",
    "GateRules",
    "ImageOptions",
    "LevitEdgeError",
    "PreprocessingChanges",
    "Recipe",
    "fuse",
    "load",
    "predict",
    "quantize",
    "verify",
]

_HOMES = {
    "Bundle": "levit_edge.bundle.reader",
    "GateRules": "levit_edge.runtime.evaluation.gate",
    "ImageOptions": "levit_edge.data.options",
    "PreprocessingChanges": "levit_edge.data.options",
    "LevitEdgeError": "levit_edge.device.errors",
    "Recipe": "levit_edge.bundle.recipe",
    "fuse": "levit_edge.model.fuse",
    "load": "levit_edge.model.checkpoint",
    "predict": "levit_edge.runtime.evaluation.predict",
    "quantize": "levit_edge.quantize",
    "verify": "levit_edge.runtime.evaluation.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return home if name == "quantize" else getattr(home, name)  # that package is called itself

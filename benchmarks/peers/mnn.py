"""MNN: its converter takes timm's ONNX file; weights in 8 bits, or as they are. The rest is an option of the run.

https://github.com/alibaba/MNN. Its command installs a package that reports to its makers: the converter is called
without it.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.peers.networks import Library
from benchmarks.peers.routes import NOTES, fp32_onnx
from benchmarks.speed.contender import OPTIONS, Workshop

__all__ = ["FLOAT16", "LOW_MEMORY", "convert"]

FLOAT16 = {"precision": "low"}
LOW_MEMORY = {"memory": 2}
"""Weights stay in int8 in memory and are multiplied there; its name, "low", is not understood from Python."""


def convert(workshop: Workshop, folder: Path, float16: bool, weight_bits: int = 0) -> tuple[Path, str]:
    """The converter's defaults, but for `weight_bits` (0: float32)."""
    import _tools

    target = folder / "model.mnn"
    source = fp32_onnx(workshop, Library.TIMM)
    arguments = ["mnnconvert", "-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(target), "--bizCode", "none"]
    if weight_bits:
        arguments += ["--weightQuantBits", str(weight_bits)]
    _tools.mnnconvert(arguments)
    if not target.exists():
        raise RuntimeError("the converter wrote no file")
    options: dict[str, Any] = (FLOAT16 if float16 else {}) | (LOW_MEMORY if weight_bits else {})
    (folder / OPTIONS).write_text(json.dumps(options))
    return target, f"run with {options or 'its defaults'}; {NOTES[Library.TIMM]}"

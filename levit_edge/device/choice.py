"""Which of a package's models is taken on this processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from levit_edge.device.errors import PackageError, RuntimeUnavailableError
from levit_edge.device.float16 import Float16

RUNTIMES = ("onnxruntime", "executorch")
"""Tried in this order; where float16 is fast, the other way round: `int8.pte` executes 47.2 million instructions on a
Cortex-A76 and `int8.onnx` 70.8 (made for ARM 57.8), but 134.4 and 107.2 on a Cortex-A53. There are two exceptions,
of which nothing here can tell. On a Cortex-A55 `int8.pte` takes 63.3, and an `int8.onnx` made for ARM 57.9
(docs/performance.md). And where no image of the model's kind calibrated, `int8.pte` takes its ranges at run time: about
82, and `int8.onnx` as many as ever (docs/boards.md)."""
INT8, FLOAT16 = "int8", "int8-f16"
PRECISIONS = (INT8, FLOAT16)


def choose(models: Sequence[Any], runtime: str | None, precision: str | None, float16: Float16) -> list[Any]:
    """Those of the `models` in `model.json` that may be taken, the best one first.

    Without a `precision`, the one with float16 is the best where that is fast, and left out elsewhere.

    Raises:
        PackageError: the package has none of this runtime and precision.
        RuntimeUnavailableError: this processor fails with float16, which was asked for.
    """
    fitting = [each for each in models if runtime in (None, each["runtime"]) and precision in (None, each["precision"])]
    if not fitting:
        asked = " for ".join(filter(None, (precision, runtime)))
        raise PackageError(f"this package has no model {asked}, only {', '.join(each['file'] for each in models)}.")
    with_float16 = [each for each in fitting if each["precision"] == FLOAT16]
    if precision == FLOAT16:
        if not float16.runs:
            raise RuntimeUnavailableError(f"{refusal(models, with_float16[0], float16)}.")
        return with_float16
    order = RUNTIMES[::-1] if float16.fast else RUNTIMES
    others = [each for name in order for each in fitting if each["runtime"] == name and each not in with_float16]
    return [*with_float16, *others] if float16.fast else others


def refusal(models: Sequence[Any], model: Any, float16: Float16) -> str:
    """Why `model`, which has float16, is not for this processor, and which is."""
    instead = [each["file"] for each in models if each["runtime"] == model["runtime"] and each["precision"] != FLOAT16]
    return float16.refusal(model["file"], " or ".join(instead))

"""The closed choices of this package, in a module that costs nothing to import."""

from enum import StrEnum

__all__ = ["Precision", "Runtime"]


class Runtime(StrEnum):
    """The runtimes that artifacts are made for."""

    EXECUTORCH = "executorch"
    ONNXRUNTIME = "onnxruntime"


class Precision(StrEnum):
    """The arithmetic of an artifact's convolutions and linears."""

    FP32 = "fp32"
    INT8 = "int8"

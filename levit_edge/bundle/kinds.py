"""The closed choices of this package and what is known of each runtime, in a module that costs nothing to import."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Any, Self

from levit_edge.bundle.self_contained import is_self_contained
from levit_edge.device.oldest import NEWEST_TRIED, OLDEST_FOR_PROGRAMS, PROGRAM_MAKER, oldest_onnxruntime

__all__ = ["TOOLS", "GateOn", "OldestRuntime", "Precision", "Runtime", "RuntimeEntry", "named"]

TOOLS = ("torch", "torchao", "executorch", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")
"""The packages that decide what a bundle holds."""


@dataclass(frozen=True, kw_only=True)
class OldestRuntime:
    """The oldest version of a runtime that is known to load a file, and how that is known."""

    version: str
    basis: str


@dataclass(frozen=True, kw_only=True)
class RuntimeEntry:
    """What there is to know of a runtime. Names are `module.name` in the room that uses them, imported when used."""

    label: str
    suffix: str
    """The suffix of its files."""
    file_kind: str
    packages: dict[str, tuple[int, int]]
    """Packages of pip, with the oldest Python that each needs. Any will do on a board, the lightest first; `runner`
    needs the last."""
    beside: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """One of `packages` -> what it needs as well, although pip does not install it with it."""
    install: str = ""
    """How to get it on this computer; empty if it comes with levit-edge."""
    maker: str
    """The package that writes the files."""
    runner: str
    """In `levit_edge.runtime`: (bytes of a file, threads) -> a `Runner`."""
    inspector: str
    """In `levit_edge.runtime.inspect`: bytes of a file -> its facts, for `to_json`."""
    exporter: str
    """In `levit_edge.quantize.export`: an `Exporter`."""
    self_contained: Callable[[bytes], bool] = lambda _data: True
    """Whether a file names no others."""
    oldest: Callable[[str, bytes], OldestRuntime]
    """(version of the maker, bytes of a file) -> what loads it: promised, or tried by us."""
    packed_for: tuple[str, ...] = ()
    """The purposes whose packages have its int8 file. Another one is another package format."""


def _oldest_executorch(maker: str, _model: bytes) -> OldestRuntime:
    if maker.partition("+")[0] == PROGRAM_MAKER:
        light = "executorch-numpy-runtime"
        tried = OLDEST_FOR_PROGRAMS["executorch"]
        return OldestRuntime(
            version=tried,
            basis=f"tried by levit-edge: files of ExecuTorch {PROGRAM_MAKER} on {light} {OLDEST_FOR_PROGRAMS[light]},"
            f" which is ExecuTorch {tried}; ExecuTorch itself promises {PROGRAM_MAKER} and newer",
        )
    return OldestRuntime(
        version=maker, basis="promised by ExecuTorch: a runtime loads files of its own version and older ones"
    )


def _oldest_onnxruntime(_maker: str, model: bytes) -> OldestRuntime:
    version = oldest_onnxruntime(model)
    if version is None:
        return OldestRuntime(
            version=NEWEST_TRIED,
            basis="not tried with files of this kind: the newest onnxruntime that levit-edge was tried with",
        )
    return OldestRuntime(
        version=version,
        basis=f"tried by levit-edge on x86-64, as newer ones to {NEWEST_TRIED}, with files of this kind",
    )


class Runtime(StrEnum):
    """The runtimes that artifacts are made for."""

    EXECUTORCH = "executorch"
    ONNXRUNTIME = "onnxruntime"

    @property
    def entry(self) -> RuntimeEntry:
        """What is known of it."""
        return RUNTIMES[self]

    @classmethod
    def of_file(cls, name: str) -> Self | None:
        """The one whose files end like `name`."""
        return next((each for each in cls if name.endswith(each.entry.suffix)), None)


RUNTIMES = {
    Runtime.EXECUTORCH: RuntimeEntry(
        label="ExecuTorch",
        suffix=".pte",
        file_kind="ExecuTorch program",
        packages={"executorch-numpy-runtime": (3, 12), "executorch": (0, 0)},
        beside={"executorch": ("torch",)},  # which executorch 1.5 no longer requires
        install="pip install 'levit-edge[quantize]', or without torch, with Python 3.12: pip install"
        " executorch-numpy-runtime",
        maker="executorch",
        runner="executorch_runner.ExecuTorchRunner",
        inspector="executorch.inspect_executorch",
        exporter="executorch.EXPORTER",
        oldest=_oldest_executorch,
        packed_for=("android", "board"),
    ),
    Runtime.ONNXRUNTIME: RuntimeEntry(
        label="ONNX Runtime",
        suffix=".onnx",
        file_kind="ONNX model",
        packages={"onnxruntime": (0, 0)},
        maker="onnx",
        runner="onnxruntime_runner.OnnxRuntimeRunner",
        inspector="onnxruntime.facts",
        exporter="onnx.EXPORTER",
        self_contained=is_self_contained,
        oldest=_oldest_onnxruntime,
        packed_for=("board", "web"),
    ),
}


class GateOn(StrEnum):
    """What a gate judges."""

    DROP = "drop"
    """The drop itself."""
    INTERVAL = "interval"
    """The upper end of its 95 % interval."""


class Precision(StrEnum):
    """The arithmetic of an artifact."""

    FP32 = "fp32"
    INT8 = "int8"
    """Convolutions and linears in int8, as the recipe says, the rest in float32."""
    INT8_FLOAT16 = "int8-f16"
    """The same with float16 in place of float32: for processors that have it."""

    @property
    def label(self) -> str:
        """In words, such as `INT8`."""
        return {"fp32": "fp32", "int8": "INT8", "int8-f16": "INT8 with float16"}[self]

    @property
    def is_int8(self) -> bool:
        """Whether convolutions and linears are in int8."""
        return self is not Precision.FP32


def named(room: str, name: str) -> Any:
    """What a `RuntimeEntry` names in a room, such as `levit_edge.runtime`."""
    module, _, attribute = name.partition(".")
    return getattr(import_module(f"{room}.{module}"), attribute)

"""Where the time of one inference goes, by onnxruntime's own profiler: by operator and by block of the network."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.documents import Between, Length
from levit_edge.runtime.inspect.onnx import CONVERSIONS, SHAPE_OPERATORS
from levit_edge.runtime.inspect.onnxruntime import LAYOUT_OPERATORS, is_int8
from levit_edge.text import counted

__all__ = [
    "CONVERSION", "FLOAT_PRODUCT", "INT8_PRODUCT", "LAYOUT", "OTHER", "OperatorTime", "Profile", "by_kind", "kind_of",
]  # fmt: skip

INT8_PRODUCT, FLOAT_PRODUCT = "int8 products", "float products"
CONVERSION, LAYOUT, OTHER = "conversions", "layout", "element by element"
KINDS = (INT8_PRODUCT, FLOAT_PRODUCT, CONVERSION, LAYOUT, OTHER)
FLOAT_PRODUCTS = frozenset({
    "Attention", "Conv", "FusedConv", "FusedGemm", "FusedMatMul", "Gemm", "MatMul", "NhwcFusedConv",
})  # fmt: skip
LAYOUTS = LAYOUT_OPERATORS | SHAPE_OPERATORS | {
    "DepthToSpace", "Expand", "Gather", "Pad", "SpaceToDepth", "Split", "Unsqueeze",
}  # fmt: skip
MOST_PARTS = 10_000
WANTED_OVERHEAD = 0.1
"""What a profile may add to the time of a run before it is said to be off."""
Share = Annotated[float, Between(-1, 1e3)]


@dataclass(frozen=True, kw_only=True)
class OperatorTime:
    """All operators of one type in one block."""

    operator: str
    """As onnxruntime calls it when it has put the file into its own form, such as `DynamicQuantizeMatMul`."""
    block: str
    """`stem`, `stage 1 attention`, `stage 1 MLP`, `shrinking attention 1` …, `head`; empty where that is not known."""
    count: Annotated[int, Between(1)]
    """How many of them one inference executes."""
    ms: Annotated[float, Between(0, 1e7)]
    """Milliseconds of one inference."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One file with one number of threads, all times of one inference in milliseconds."""

    artifact: str
    runtime: Runtime
    precision: Precision
    threads: Annotated[int, Between(1)]
    runs: int = 0
    """Profiled, in turns with as many that were not."""
    run_ms: float | None = None
    """Of runs that were not profiled: the mean over the half that took the least time, as for the operators."""
    slowdown: Share | None = None
    """How much longer a profiled run took, relative; of both the half that took the least time."""
    cost_us: float | None = None
    """What the profiler added to the time of each operator, microseconds: it is taken off."""
    overhead: Share | None = None
    """What is left of the profiler in `parts`: their sum over `run_ms`, less 1. Below 0 it is what onnxruntime itself
    does between operators."""
    parts: Annotated[tuple[OperatorTime, ...], Length(0, MOST_PARTS)] = ()
    """In the order of execution."""
    error: str = ""
    """Why there are no times."""

    @classmethod
    def of(cls, artifact: Artifact, threads: int, error: str = "") -> "Profile":
        """One without times."""
        return cls(
            artifact=artifact.file,
            runtime=artifact.runtime,
            precision=artifact.precision,
            threads=threads,
            error=error,
        )

    @property
    def total_ms(self) -> float:
        """Of all operators."""
        return sum(each.ms for each in self.parts)

    def share(self, kind: str) -> float:
        """The share of one kind of operators in all of them, 0 to 1; see `kind_of`."""
        of_kind = by_kind(self).get(kind, 0.0)
        return of_kind / self.total_ms if of_kind else 0.0

    def by(self, key: Callable[[OperatorTime], str]) -> dict[str, float]:
        """Milliseconds by what `key` says of a part, in the order of execution."""
        found: dict[str, float] = {}
        for part in self.parts:
            found[key(part)] = found.get(key(part), 0.0) + part.ms
        return found

    @property
    def holds(self) -> bool:
        """Whether the operators' times add up to about that of a run."""
        return self.overhead is not None and abs(self.overhead) <= WANTED_OVERHEAD

    @property
    def reliability(self) -> str:
        """What the profiler cost and what is left of that, a line for people."""
        if self.run_ms is None or self.slowdown is None or self.cost_us is None or self.overhead is None:
            return ""
        operators = counted(sum(part.count for part in self.parts), "operator")
        off = f"{'' if self.holds else 'only '}within {max(1, math.ceil(100 * abs(self.overhead)))} %"
        verdict = "" if self.holds else ": do not rely on it, and let the board do nothing else"
        return (
            f"{self.artifact}: a run took {self.run_ms:.3f} ms, profiled {1 + self.slowdown:.2f} times as long"
            f" ({counted(self.runs, 'run')} of each in turns). The profiler's {self.cost_us:.1f} µs are taken off each"
            f" of {operators}, which then add up to a run {off}{verdict}"
        )

    def by_block(self) -> dict[str, float]:
        """Milliseconds of each block; empty where the blocks are not known."""
        return self.by(lambda part: part.block) if all(part.block for part in self.parts) else {}


def by_kind(profile: Profile) -> dict[str, float]:
    """Milliseconds of each kind of operators that it has, the kinds in one order for all; see `kind_of`."""
    found = profile.by(lambda part: kind_of(part.operator))
    return {kind: found[kind] for kind in KINDS if kind in found}


def kind_of(operator: str) -> str:
    """What an operator of onnxruntime does: products in int8 (some quantize their input themselves), products in float,
    conversions between number formats, moving data about, or something for each element.
    """
    if is_int8(operator):
        return INT8_PRODUCT
    if operator in FLOAT_PRODUCTS:
        return FLOAT_PRODUCT
    if operator in CONVERSIONS:
        return CONVERSION
    return LAYOUT if operator in LAYOUTS else OTHER

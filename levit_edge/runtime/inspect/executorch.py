"""What a `.pte` file holds: delegates, operators outside them, size."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from levit_edge.errors import BundleError
from levit_edge.runtime.runner import needed

__all__ = ["ExecuTorchInspection", "inspect_executorch"]

MAGIC = b"ET"
"""Bytes 4 and 5 of every program; two digits of the format version follow."""


@dataclass(frozen=True, kw_only=True)
class ExecuTorchInspection:
    """The parts of one program."""

    methods: tuple[str, ...]
    size_bytes: int
    delegates: tuple[str, ...]
    """Backend of each delegate, such as `XnnpackBackend`."""
    operators_outside: dict[str, int]
    """Operators that run outside the delegates, on the portable kernels."""
    format_version: int


def inspect_executorch(data: bytes) -> ExecuTorchInspection:
    """Read a `.pte` file.

    Raises:
        RuntimeUnavailableError: the `executorch` package is not installed.
        BundleError: it is not an ExecuTorch program.
    """
    with needed("executorch", "`pip install 'levit-edge[quantize]'`"):
        from executorch.exir._serialize._program import deserialize_pte_binary
    if data[4:6] != MAGIC:
        raise BundleError("it is not an ExecuTorch program: the identifier `ET` is missing.")
    try:
        return _facts(deserialize_pte_binary(data).program, len(data))
    except Exception as error:  # a damaged flatbuffer ends in any of Python's errors
        raise BundleError(f"it is a damaged ExecuTorch program ({type(error).__name__}: {error}).") from error


def _facts(program: Any, size_bytes: int) -> ExecuTorchInspection:
    plans = program.execution_plan
    return ExecuTorchInspection(
        methods=tuple(plan.name for plan in plans),
        size_bytes=size_bytes,
        delegates=tuple(delegate.id for plan in plans for delegate in plan.delegates),
        operators_outside=dict(Counter(call for plan in plans for call in _kernel_calls(plan))),
        format_version=program.version,
    )


def _kernel_calls(plan: Any) -> list[str]:
    arguments = [step.instr_args for chain in plan.chains for step in chain.instructions]
    return [plan.operators[each.op_index].name for each in arguments if type(each).__name__ == "KernelCall"]

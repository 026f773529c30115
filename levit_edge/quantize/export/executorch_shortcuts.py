"""What ExecuTorch does for nothing when it exports a LeViT, left out while a file is written: its bytes stay."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from executorch.backends.xnnpack import _passes
from executorch.exir.pass_base import ExportPass, PassResult
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torch.fx.graph import _PyTreeCodeGen
from torch.fx.traceback import NodeSource

__all__ = ["shortcuts"]

IDLE = (
    "ConvertToUpsampleBilinear2d",
    "ConvertToSDPAPass",  # of queries that are scaled in the graph, not in their weights
    "FuseBatchNormPass",
    "DecomposeBatchNorm",
    "FuseActivationPass",  # ReLU and the like
    "DecomposeConcatenate",
    "RemoveGetItemPass",  # of pooling and layer norm
    "InsertPadQDQPass",
    "Conv1dUnsqueezePass",
    "PReLUReshapePass",
)
"""Passes of the XNNPACK backend for what no LeViT has."""


@contextmanager
def shortcuts() -> Iterator[None]:
    """Export faster; afterwards ExecuTorch is as before.

    Measured on a LeViT of three blocks, without the records: 0.78 of an int8 file's processor time, 0.62 of an fp32
    file's, and four seconds less for the first in a process.
    """
    with _shared_provenance(), _without_idle_passes(), _without_idle_decompositions(), _compiled_when_called():
        yield


@contextmanager
def _shared_provenance() -> Iterator[None]:
    """Let passes share the record of where a node came from, instead of copying it whole for every node they touch.

    The records are never changed after they are made, and do not reach the file. Measured on LeViT-128S int8: 30 s of
    processor time instead of 46.
    """
    NodeSource.__deepcopy__ = lambda source, _memo: source  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del NodeSource.__deepcopy__  # type: ignore[attr-defined]


class Idle(ExportPass):  # type: ignore[misc]
    """Changes nothing."""

    def call(self, graph_module: GraphModule) -> PassResult:
        """The graph as it is."""
        return PassResult(graph_module, modified=False)


@contextmanager
def _without_idle_passes() -> Iterator[None]:
    """Leave out passes that find nothing: they trace the whole graph anew all the same."""
    passes = {name: getattr(_passes, name) for name in IDLE if hasattr(_passes, name)}
    try:
        for name in passes:
            setattr(_passes, name, Idle)
        yield
    finally:
        for name, each in passes.items():
            setattr(_passes, name, each)


@contextmanager
def _without_idle_decompositions() -> Iterator[None]:
    """Do not decompose a program again that has nothing left to be decomposed."""
    decompose = ExportedProgram.run_decompositions

    def where_needed(
        program: ExportedProgram, decomp_table: Mapping[Any, Any] | None = None, **options: Any
    ) -> ExportedProgram:
        calls = [node for node in program.graph.nodes if node.op == "call_function"]
        if decomp_table and not any(node.target in decomp_table for node in calls):
            return program
        decomposed: ExportedProgram = decompose(program, decomp_table, **options)
        return decomposed

    ExportedProgram.run_decompositions = where_needed  # type: ignore[method-assign]
    try:
        yield
    finally:
        ExportedProgram.run_decompositions = decompose  # type: ignore[method-assign]


@contextmanager
def _compiled_when_called() -> Iterator[None]:
    """Write a graph as Python, and compile that, when it is called first; passes change graphs, and seldom call them.

    As torch's own `_LazyGraphModule` does. Measured on a LeViT of one block, int8: 5.9 s of processor time instead of
    7.3; of 162 compilations 2 remain.

    While it lasts, `recompile` returns None, and not the `PythonCode` that torch's does, and `code` is what it was
    before the last change: passes that read either would break. None of ExecuTorch 1.4's does.
    """
    compile_now = GraphModule.recompile

    def recompile(module: GraphModule) -> None:
        codegen = module.graph._codegen
        if isinstance(codegen, _PyTreeCodeGen):
            module._in_spec, module._out_spec = codegen.pytree_info.in_spec, codegen.pytree_info.out_spec
        module._code = getattr(module, "_code", "")
        type(module).forward = compiled_first  # every graph module has a class of its own

    def compiled_first(module: GraphModule, *arguments: Any, **named: Any) -> Any:
        compile_now(module)
        return type(module).forward(module, *arguments, **named)

    GraphModule.recompile = recompile  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        GraphModule.recompile = compile_now  # type: ignore[method-assign]

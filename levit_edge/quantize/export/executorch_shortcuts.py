"""What ExecuTorch does for nothing when it exports a LeViT, left out while a file is written: its bytes stay."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from executorch.backends.xnnpack import _passes
from executorch.exir.passes.const_prop_pass import ConstPropPass
from executorch.exir.passes.dim_order_ops_registry import MemoryFormatOpsMap
from executorch.exir.passes.memory_format_ops_pass import DimOrderOpsRevertPass
from executorch.exir.passes.normalize_transpose_pass import NormalizeTransposePass
from executorch.exir.passes.remove_mixed_type_operators import RemoveMixedTypeOperators
from executorch.exir.passes.replace_broken_ops_with_function_ops_pass import ReplaceBrokenOpsWithFunctionalOpsPass
from executorch.exir.passes.scalar_to_tensor_pass import ScalarToTensorPass
from executorch.exir.passes.sym_to_tensor_pass import SymToTensorPass
from torch import SymBool, SymFloat, SymInt
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node
from torch.fx.graph import _PyTreeCodeGen
from torch.fx.passes.infra.pass_base import PassBase, PassResult
from torch.fx.traceback import NodeSource

from levit_edge.quantize.export.torch_shortcuts import known_operators
from levit_edge.system.memory import old_objects_left_alone

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
PROMOTED = {
    torch.ops.aten.add.Tensor,
    torch.ops.aten.mul.Tensor,
    torch.ops.aten.sub.Tensor,
    torch.ops.aten.div.Tensor,
    torch.ops.aten.div.Tensor_mode,
    torch.ops.aten.minimum.default,
}
"""Operators whose operands `RemoveMixedTypeOperators` brings to one type."""


def _is_view(node: Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target.is_view


def _has_number_for_tensor(node: Node) -> bool:
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    arguments = node.target._schema.arguments
    named = [(each, node.kwargs[each.name]) for each in arguments if each.name in node.kwargs]
    return any(
        isinstance(each.type, torch.TensorType) and isinstance(value, float | int)
        for each, value in (*zip(arguments, node.args, strict=False), *named)
    )


def _is_symbol(node: Node) -> bool:
    return isinstance(node.meta.get("val"), SymInt | SymFloat | SymBool)


def _mixes_types(node: Node) -> bool:
    """Whether operands and result are not of one type, or it is not known."""
    types = {getattr(each.meta.get("val"), "dtype", None) for each in (node, *node.all_input_nodes)}
    return node.target in PROMOTED and (len(types) > 1 or None in types)


def _is_constant(node: Node) -> bool:
    return node.op == "call_function" and all(each.op == "get_attr" for each in node.all_input_nodes)


NEEDED: Mapping[type[PassBase], Callable[[Node], bool]] = {
    NormalizeTransposePass: lambda node: node.target is torch.ops.aten.t.default,
    ReplaceBrokenOpsWithFunctionalOpsPass: _is_view,
    ScalarToTensorPass: _has_number_for_tensor,
    SymToTensorPass: _is_symbol,
    RemoveMixedTypeOperators: _mixes_types,
    DimOrderOpsRevertPass: lambda node: node.target in MemoryFormatOpsMap,
    ConstPropPass: _is_constant,
    _passes.PropagateCustomMetaPass: lambda node: "custom" in node.meta,
    **{getattr(_passes, name): lambda _node: False for name in IDLE if hasattr(_passes, name)},
}
"""Passes that change nothing, though they trace the whole graph anew, where no node is one of these."""


@contextmanager
def shortcuts() -> Iterator[None]:
    """Export faster; afterwards ExecuTorch is as before.

    Measured on a LeViT of three blocks, in processor time: 0.31 of an int8 file's, 0.42 of an fp32 file's, and four
    seconds less for the first in a process.
    """
    with (
        known_operators(),
        _shared_provenance(),
        _without_idle_passes(),
        _without_idle_decompositions(),
        _checked_at_the_end(),
        _compiled_when_called(),
        old_objects_left_alone(),
    ):
        yield


@contextmanager
def _shared_provenance() -> Iterator[None]:
    """Let passes share the record of where a node came from, instead of copying it whole for every node they touch.

    The records are never changed after they are made, and do not reach the file. Measured on LeViT-128S int8: 30 s of
    processor time instead of 46.
    """
    own = vars(NodeSource).get("__deepcopy__")  # torch 2.13 has none
    NodeSource.__deepcopy__ = lambda source, _memo: source  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if own is None:
            del NodeSource.__deepcopy__  # type: ignore[attr-defined]
        else:
            NodeSource.__deepcopy__ = own  # type: ignore[attr-defined]


@contextmanager
def _without_idle_passes() -> Iterator[None]:
    """Leave out passes where they would find nothing."""
    call = PassBase.__call__

    def where_needed(each: PassBase, graph_module: GraphModule) -> PassResult | None:
        needed = NEEDED.get(type(each))
        if needed and not any(needed(node) for node in graph_module.graph.nodes):
            return PassResult(graph_module, modified=False)
        return call(each, graph_module)

    PassBase.__call__ = where_needed  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        PassBase.__call__ = call  # type: ignore[method-assign]


@contextmanager
def _checked_at_the_end() -> Iterator[None]:
    """Do not check each program that a pass leaves: the last one is checked all the same.

    By `to_edge_transform_and_lower`; and what comes out is compared with what went in, by running it.
    """
    validate = ExportedProgram._validate
    ExportedProgram._validate = lambda _program: None  # type: ignore[method-assign, misc]
    try:
        yield
    finally:
        ExportedProgram._validate = validate  # type: ignore[method-assign, misc]


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

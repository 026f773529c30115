"""What is left out of ExecuTorch's export changes nothing, and comes back."""

import gc
import logging
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import torch
from executorch.backends.xnnpack import _passes, xnnpack_preprocess
from executorch.backends.xnnpack.operators.node_visitor import _node_visitor_dict
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from torch import Tensor, nn
from torch.export import ExportedProgram, decomp_utils, exported_program
from torch.fx import GraphModule
from torch.fx.passes.infra.pass_base import PassBase, PassResult
from torch.fx.traceback import NodeSource

from levit_edge.quantize.export import executorch
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.executorch_casts import WRITER
from levit_edge.quantize.export.executorch_shortcuts import NEEDED, shortcuts
from levit_edge.quantize.export.float16 import float16_graph
from levit_edge.quantize.export.program import export_program
from tests.quantize.conftest import Demo

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("thawed")]


@pytest.fixture
def thawed() -> Iterator[None]:
    """As in a program of its own: tests/conftest.py freezes what it imports."""
    gc.unfreeze()
    yield
    gc.freeze()


def global_state() -> list[object]:
    """All that an export replaces while it lasts."""
    return [
        PassBase.__call__,
        ExportedProgram._validate,
        ExportedProgram.run_decompositions,
        GraphModule.recompile,
        vars(NodeSource).get("__deepcopy__"),
        gc.get_freeze_count() > 0,
        vars(exported_program)["_collect_all_valid_cia_ops"],
        vars(decomp_utils)["_collect_all_valid_cia_ops"],
        xnnpack_preprocess.serialize_xnnpack_binary,
        _passes.ChannelsLastTaggedReshapePass,
        _passes.RemoveRedundantCopyPass,
        _node_visitor_dict[WRITER],
    ]


def test_an_export_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before, meanwhile = global_state(), list[object]()

    def fail(*_arguments: object, **_options: object) -> None:
        meanwhile.extend(global_state())
        raise KeyError

    monkeypatch.setattr(executorch, "to_edge_transform_and_lower", fail)
    with pytest.raises(KeyError):
        export_executorch(torch.export.export(nn.ReLU(), (torch.ones(4, 4),)))
    assert all(now != then for now, then in zip(meanwhile, before, strict=True))
    assert global_state() == before


def test_what_was_there_before_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch copies records in a way of its own, objects are frozen already, and in shortcuts in shortcuts."""
    monkeypatch.setattr(NodeSource, "__deepcopy__", lambda source, _memo: source, raising=False)
    gc.freeze()
    try:
        before = global_state()
        with shortcuts():
            meanwhile = global_state()
            with shortcuts():
                pass
            assert global_state() == meanwhile
        assert global_state() == before
    finally:
        gc.unfreeze()


def test_torch_prints_no_graphs_for_pytest() -> None:
    """See tests/conftest.py."""
    assert logging.getLogger("torch.__trace").handlers == []


def test_without_shortcuts_the_file_is_the_same(tiny_steps: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network has each kind of block; its float32 file differs in types alone."""
    before = global_state()
    program = export_program(float16_graph(tiny_steps.graph), torch.zeros(1, *tiny_steps.images.shape[1:]))
    short = export_executorch(program)
    assert global_state() == before
    monkeypatch.setattr(executorch, "shortcuts", nullcontext)
    assert export_executorch(program) == short


class Mixed(nn.Module):
    """Two types and a number in the place of a tensor, which no float32 LeViT has."""

    def forward(self, values: Tensor) -> Tensor:
        doubled: Tensor = torch.ops.aten.mul.Tensor(torch.ops.aten.add.Tensor(values.half(), values), 2)
        return doubled


def test_passes_run_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: set[str] = set()
    call = PassBase.__call__

    def recorded(each: PassBase, graph_module: GraphModule) -> PassResult | None:
        if type(each) in NEEDED:
            ran.add(type(each).__name__)
        return call(each, graph_module)

    monkeypatch.setattr(PassBase, "__call__", recorded)
    program = torch.export.export(Mixed(), (torch.ones(4, 4),))
    with shortcuts():
        short = lowered(program)
    assert ran == {"ScalarToTensorPass", "RemoveMixedTypeOperators"}
    assert lowered(program) == short


def lowered(program: ExportedProgram) -> bytes:
    edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    return bytes(edge.to_executorch().buffer)

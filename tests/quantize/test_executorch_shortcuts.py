"""What is left out of ExecuTorch's export changes nothing, and comes back."""

import logging
from contextlib import nullcontext

import pytest
import torch
from executorch.backends.xnnpack import _passes
from torch.export import ExportedProgram
from torch.fx import GraphModule

from levit_edge.quantize.export import executorch
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.executorch_shortcuts import IDLE
from levit_edge.quantize.export.float16 import float16_graph
from levit_edge.quantize.export.program import export_program
from tests.quantize.conftest import Demo

pytestmark = pytest.mark.export


def global_state() -> list[object]:
    return [*(getattr(_passes, name) for name in IDLE), ExportedProgram.run_decompositions, GraphModule.recompile]


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

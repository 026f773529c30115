"""What torch finds out once changes nothing in a file, and torch finds it out by itself afterwards."""

from contextlib import nullcontext

import pytest
import torch
from onnxscript._framework_apis import torch_2_11
from torch import Tensor, nn
from torch.export import ExportedProgram, exported_program
from torch.onnx._internal.exporter import _registration
from torch.onnx._internal.exporter._registration import ONNXRegistry

from levit_edge.quantize.export import onnx
from levit_edge.quantize.export.onnx import export_onnx
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.export.torch_shortcuts import known_translations

pytestmark = pytest.mark.export
FIND = "_collect_all_valid_cia_ops"


class Activated(nn.Module):
    """A layer and an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.hardswish(self.layer(values))


@pytest.fixture
def program() -> ExportedProgram:
    return export_program(Activated().eval(), torch.zeros(1, 4))


def test_the_file_is_the_same(program: ExportedProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, find = list[object](), vars(exported_program)[FIND]

    def counted() -> object:
        looked.append(None)
        return find()

    monkeypatch.setattr(exported_program, FIND, counted)
    short = export_onnx(program)
    assert len(looked) == 1
    monkeypatch.setattr(onnx, "known_operators", nullcontext)
    monkeypatch.setattr(onnx, "known_translations", nullcontext)
    assert export_onnx(program) == short
    assert len(looked) > 1


def test_translations_are_read_once_for_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[None] = []

    def get_torchlib_ops() -> list[object]:
        read.append(None)
        return list(torch_2_11.get_torchlib_ops())

    scripts = vars(_registration)["onnxscript_apis"]
    monkeypatch.setattr(scripts, "get_torchlib_ops", get_torchlib_ops)
    for _ in range(2):
        with known_translations():
            assert ONNXRegistry.from_torchlib().functions
    assert len(read) == 1
    assert scripts.get_torchlib_ops is get_torchlib_ops


def test_an_export_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before, meanwhile = vars(exported_program)[FIND], list[object]()

    def fail(*_arguments: object, **_options: object) -> None:
        meanwhile.append(vars(exported_program)[FIND])
        raise KeyError

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(KeyError):
        export_onnx(export_program(nn.ReLU(), torch.zeros(1, 4)))
    assert meanwhile[0] is not before
    assert vars(exported_program)[FIND] is before

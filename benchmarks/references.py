"""The folded network in float32 in each runtime: what an int8 file there is compared with, and some are made from."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed.contender import Engine
from benchmarks.task import Task

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

__all__ = ["reference"]


def reference(task: Task, engine: Engine) -> Path:
    """The file, made once; what makes it is imported for it."""
    name, make = _MAKERS[engine]
    return task.once(name, lambda target: make(task, target))


def _executorch(task: Task, target: Path) -> None:
    from levit_edge.quantize.export.executorch import export_executorch

    target.write_bytes(export_executorch(_program(task)))


def _onnxruntime(task: Task, target: Path) -> None:
    from levit_edge.quantize.export.onnx import export_onnx

    target.write_bytes(export_onnx(_program(task)))


def _litert(task: Task, target: Path) -> None:
    import litert_torch

    litert_torch.convert(task.deploy(), (_example(task),)).export(str(target))


def _program(task: Task) -> "ExportedProgram":
    from levit_edge.quantize.export.program import export_program

    return export_program(task.deploy(), _example(task))


def _example(task: Task) -> "Tensor":
    import torch

    size = task.preprocessing.image_size
    return torch.zeros(1, 3, size, size)


_MAKERS: dict[Engine, tuple[str, Callable[[Task, Path], None]]] = {
    Engine.EXECUTORCH: ("fp32.pte", _executorch),
    Engine.ONNXRUNTIME: ("fp32.onnx", _onnxruntime),
    Engine.LITERT: ("fp32.tflite", _litert),
}

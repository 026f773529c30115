"""Model files: what is said of them, and running them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.mutate_models import ONNX, PTE
from fuzz.reader import Reader
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import to_json

__all__ = ["MODEL_READERS"]


def _small_onnx() -> bytes:
    """A convolution, a quantized product, a shape computed from a tensor: 20 nodes instead of a thousand."""
    from onnx import TensorProto, helper, numpy_helper

    chance = np.random.default_rng(0)
    weights = {
        "kernel": chance.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "matrix": chance.integers(-99, 99, (4, 10)).astype(np.int8),
        "scale": np.float32(0.01),
        "zero": np.int8(0),
        "shape": np.array([1, 4], np.int64),
    }
    nodes: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("Conv", ["image", "kernel"], ["conv"], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("HardSwish", ["conv"], ["active"], {}),
        ("GlobalAveragePool", ["active"], ["pooled"], {}),
        ("Reshape", ["pooled", "shape"], ["flat"], {}),
        ("QuantizeLinear", ["flat", "scale", "zero"], ["q"], {}),
        ("DequantizeLinear", ["q", "scale", "zero"], ["dq"], {}),
        ("DequantizeLinear", ["matrix", "scale", "zero"], ["float matrix"], {}),
        ("MatMul", ["dq", "float matrix"], ["logits"], {}),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, outputs, **more) for kind, inputs, outputs, more in nodes],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 128, 128])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    return bytes(model.SerializeToString())


def _small_pte() -> bytes:
    """A convolution and a linear, each in an XNNPACK delegate of its own, and a sum between them."""
    import warnings

    import torch

    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = torch.nn.Conv2d(3, 4, 3, stride=16), torch.nn.Linear(4, 10)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.linear(torch.cumsum(self.conv(image).mean((2, 3)), 1))
            return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.export(Small().eval(), (torch.zeros(1, 3, 128, 128),))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return bytes(lowered.to_executorch().buffer)


def onnx_facts(bundle: Path) -> Reader:
    from levit_edge.runtime.inspect.onnx import inspect_onnx

    return Reader(
        name="onnx-facts",
        seeds=[(bundle / "int8.onnx").read_bytes(), _small_onnx(), _small_onnx()],
        mutations=ONNX,
        read=lambda data, _: json.dumps(to_json(inspect_onnx(data))),
    )


def onnx_optimised(bundle: Path) -> Reader:
    from levit_edge.runtime.inspect.onnxruntime import inspect_onnxruntime

    return Reader(
        name="onnx-optimised",
        seeds=[(bundle / "int8.onnx").read_bytes(), *[_small_onnx()] * 4],
        mutations=ONNX,
        read=lambda data, _: json.dumps(to_json(inspect_onnxruntime(data))),
        native=True,
    )


def pte_facts(bundle: Path) -> Reader:
    """ExecuTorch's own Python reader, which has `flatc` turn a file into JSON."""
    from levit_edge.runtime.inspect.executorch import inspect_executorch

    return Reader(
        name="pte-facts",
        seeds=[(bundle / "int8.pte").read_bytes(), *[_small_pte()] * 9],
        mutations=PTE,
        read=lambda data, _: json.dumps(to_json(inspect_executorch(data))),
        native=True,
        programs=True,
    )


def _run(runtime: Runtime, protocol: Preprocessing) -> Callable[[bytes, Path], None]:
    """What `levit_edge.runtime.evaluation.worker` does with a file: load it, run it on zeros, and on another input."""
    from levit_edge.runtime.evaluation.evaluator import Evaluator, Model

    values = np.random.default_rng(0).normal(size=(3, protocol.image_size, protocol.image_size)).astype(np.float32)

    def read(data: bytes, _folder: Path) -> None:
        evaluator = Evaluator(protocol)
        evaluator.add(Model(file="model", runtime=runtime, read=lambda: data, classes=10))
        evaluator.answer(values)

    return read


def onnx_run(bundle: Path) -> Reader:
    return Reader(
        name="onnx-run",
        seeds=[(bundle / "int8.onnx").read_bytes(), *[_small_onnx()] * 4],
        mutations=ONNX,
        read=_run(Runtime.ONNXRUNTIME, Bundle.open(bundle).manifest.preprocessing),
        native=True,
    )


def pte_run(bundle: Path) -> Reader:
    return Reader(
        name="pte-run",
        seeds=[(bundle / "int8.pte").read_bytes(), *[_small_pte()] * 2],
        mutations=PTE,
        read=_run(Runtime.EXECUTORCH, Bundle.open(bundle).manifest.preprocessing),
        native=True,
    )


MODEL_READERS: dict[str, Callable[[Path], Reader]] = {
    "onnx-facts": onnx_facts,
    "onnx-optimised": onnx_optimised,
    "onnx-run": onnx_run,
    "pte-run": pte_run,
    "pte-facts": pte_facts,
}

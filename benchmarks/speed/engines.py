"""How each engine opens a file and runs one image: with its defaults, but for the number of threads.

Every function here imports what it needs when it is called, and returns what opens the file, so that loading can be
timed, and its memory told, apart from importing.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.contender import OPTIONS, Engine
from levit_edge.bundle.kinds import Runtime
from levit_edge.device.engines import executorch_bindings

__all__ = ["Open", "Run", "opener"]

Floats = NDArray[np.float32]
Run = Callable[[Floats], Floats]
"""float32 (1, 3, size, size) -> float32 (classes,)."""
Open = Callable[[], Run]


def opener(engine: Engine, file: Path, threads: int) -> Open:
    """Import the engine, and return what loads `file` for so many threads."""
    return _OPENERS[engine](file, threads)


def _executorch(file: Path, threads: int) -> Open:
    executorch_bindings()
    return partial(_open_artifact, Runtime.EXECUTORCH, file, threads)


def _onnxruntime(file: Path, threads: int) -> Open:
    import onnxruntime  # noqa: F401

    return partial(_open_artifact, Runtime.ONNXRUNTIME, file, threads)


def _open_artifact(runtime: Runtime, file: Path, threads: int) -> Run:
    from levit_edge.runtime.runner import open_runner

    return open_runner(runtime, file.read_bytes(), threads).run


def _openvino(file: Path, threads: int) -> Open:
    import openvino

    def open_model() -> Run:
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads} | _options(file)
        compiled = openvino.Core().compile_model(file, "CPU", options)

        def run(image: Floats) -> Floats:
            logits: Floats = compiled(image)[0][0]
            return logits

        return run

    return open_model


def _litert(file: Path, threads: int) -> Open:
    from ai_edge_litert.interpreter import Interpreter

    def open_model() -> Run:
        interpreter = Interpreter(str(file), num_threads=threads)
        interpreter.allocate_tensors()
        (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()

        def run(image: Floats) -> Floats:
            interpreter.set_tensor(taken["index"], _quantized(image, taken))
            interpreter.invoke()
            return _dequantized(interpreter.get_tensor(given["index"])[0], given)

        return run

    return open_model


def _quantized(image: Floats, tensor: dict[str, Any]) -> NDArray[Any]:
    """As the file wants its input: int8 ones take integers."""
    if tensor["dtype"] == np.float32:
        return image
    scale, zero_point = tensor["quantization"]
    bounds = np.iinfo(tensor["dtype"])
    steps: NDArray[Any] = np.clip(np.rint(image / scale) + zero_point, bounds.min, bounds.max).astype(tensor["dtype"])
    return steps


def _dequantized(logits: NDArray[Any], tensor: dict[str, Any]) -> Floats:
    if tensor["dtype"] == np.float32:
        return logits
    scale, zero_point = tensor["quantization"]
    values: Floats = ((logits.astype(np.float32) - zero_point) * scale).astype(np.float32)
    return values


def _ncnn(file: Path, threads: int) -> Open:
    import ncnn

    def open_model() -> Run:
        network = ncnn.Net()
        network.opt.num_threads = threads
        for name, value in _options(file).items():
            setattr(network.opt, name, value)
        for status in (network.load_param(str(file)), network.load_model(str(file.with_suffix(".bin")))):
            if status:
                raise RuntimeError(f"ncnn does not load {file.name}: {status}")

        def run(image: Floats) -> Floats:
            extractor = network.create_extractor()
            extractor.input("in0", ncnn.Mat(image[0]))
            status, logits = extractor.extract("out0")
            if status:
                raise RuntimeError(f"ncnn does not run {file.name}: {status}")
            return np.array(logits, np.float32).reshape(-1)

        return run

    return open_model


def _mnn(file: Path, threads: int) -> Open:
    import MNN

    def open_model() -> Run:
        interpreter = MNN.Interpreter(str(file))
        session = interpreter.createSession({"backend": "CPU", "numThread": threads} | _options(file))
        taken, given = interpreter.getSessionInput(session), interpreter.getSessionOutput(session)
        plain = (MNN.Halide_Type_Float, MNN.Tensor_DimensionType_Caffe)

        def run(image: Floats) -> Floats:
            source = MNN.Tensor(image.shape, plain[0], np.ascontiguousarray(image), plain[1])
            taken.copyFrom(source)
            interpreter.runSession(session)
            shape = given.getShape()
            result = MNN.Tensor(shape, plain[0], np.zeros(shape, np.float32), plain[1])
            given.copyToHostTensor(result)
            return np.array(result.getNumpyData(), np.float32).reshape(-1)

        return run

    return open_model


def _options(file: Path) -> dict[str, Any]:
    beside = file.with_name(OPTIONS)
    options: dict[str, Any] = json.loads(beside.read_text()) if beside.exists() else {}
    return options


def _torch(file: Path, threads: int, compiled: bool) -> Open:
    import torch

    from benchmarks.peers.networks import import_library, read_network

    torch.set_num_threads(threads)
    import_library(file)

    def open_model() -> Run:
        network = read_network(file)
        model = torch.compile(network) if compiled else network

        def run(image: Floats) -> Floats:
            with torch.inference_mode():
                logits: Floats = model(torch.from_numpy(image))[0].numpy()
            return logits

        return run

    return open_model


_OPENERS: dict[Engine, Callable[[Path, int], Open]] = {
    Engine.EXECUTORCH: _executorch,
    Engine.ONNXRUNTIME: _onnxruntime,
    Engine.OPENVINO: _openvino,
    Engine.LITERT: _litert,
    Engine.NCNN: _ncnn,
    Engine.MNN: _mnn,
    Engine.TORCH: partial(_torch, compiled=False),
    Engine.TORCH_COMPILE: partial(_torch, compiled=True),
}

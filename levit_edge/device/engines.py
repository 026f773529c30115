"""The packages that run model files, and how each loads one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from levit_edge.device.oldest import OLDEST_BY_FORM, explain_import, explain_refusal
from levit_edge.device.protocol import AgentError

RUNTIME_PACKAGES = {
    "onnxruntime": ("onnxruntime",),
    "executorch": ("executorch-numpy-runtime", "executorch"),  # the light one first
}
PACKAGES = ("numpy", "onnxruntime", "executorch-numpy-runtime", "executorch", "torch")
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1", "ORT_TELEMETRY_DISABLED": "1"}
"""ONNX Runtime 1.31 and 1.32 for Linux report to their makers, and leave an identifier in the home folder, unless the
first of these is set before they are imported; other versions know the second."""


def installed_version(package: str) -> str | None:
    """The version of a package, None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def import_engine(runtime: str) -> tuple[str, Callable[[bytes, int], Callable[[Any], Any]]]:
    """The package that runs files of `runtime`, with its version, and what loads one: (bytes, threads) -> run.

    `run` takes float32 (1, 3, size, size) and returns float32 (classes,), a new array.
    """
    faults = []
    for package in RUNTIME_PACKAGES[runtime]:
        try:
            load = ENGINES[package]()
        except ImportError as error:  # noqa: PERF203 - of two packages
            faults.append(f"{package}: {explain_import(package, installed_version(package), error)}")
        else:
            version = installed_version(package)
            return f"{package} {version}", _explained(load, package, version)
    raise AgentError("missing", "; ".join(faults))


def _explained(load: Callable[..., Any], package: str, version: str | None) -> Callable[..., Any]:
    """`load`, which says of a package that is too old for a file that it is."""

    def loaded(model: bytes, threads: int) -> Any:
        try:
            return load(model, threads)
        except AgentError:
            raise
        except Exception as error:  # each runtime has exceptions of its own
            if reason := explain_refusal(package, version, model):
                raise AgentError("runtime", reason) from error
            raise

    return loaded


def _onnxruntime() -> Callable[..., Any]:
    import onnxruntime  # noqa: F401 - or the error that it is not there

    def load(model: bytes, threads: int) -> Callable[..., Any]:
        session = open_onnxruntime(model, threads)
        name = session.get_inputs()[0].name
        return lambda image: session.run(None, {name: image})[0][0]

    return load


def open_onnxruntime(model: bytes, threads: int, profile: str | None = None) -> Any:
    """A session; with `profile` it writes one, into a file whose name begins so.

    Raises:
        AgentError: this onnxruntime has no profiler.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if profile is not None:
        if not hasattr(options, "enable_profiling") or not hasattr(onnxruntime.InferenceSession, "end_profiling"):
            version, wanted = installed_version("onnxruntime"), OLDEST_BY_FORM[8, 18]
            raise AgentError(
                "profile", f"onnxruntime {version} has no profiler, {wanted} has: pip install 'onnxruntime>={wanted}'"
            )
        options.enable_profiling, options.profile_file_prefix = True, profile
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _executorch_numpy_runtime() -> Callable[..., Any]:
    import executorch_numpy_runtime
    import numpy as np

    def load(model: bytes, threads: int) -> Callable[..., Any]:
        _set_pool(executorch_numpy_runtime, threads)
        method = executorch_numpy_runtime.Runtime.get().load_program(model).load_method("forward")
        return lambda image: np.array(method([image])[0][0], np.float32)

    return load


def _set_pool(package: Any, threads: int) -> None:
    """Give ExecuTorch's thread pool so many threads: the package has no call for it, but its library has.

    They are `get_threadpool()` and `ThreadPool::_unsafe_reset_threadpool(uint32_t)` in
    `executorch::extension::threadpool`.
    """
    library = ctypes.CDLL(package._core.__file__)
    scope = "_ZN10executorch9extension10threadpool"
    try:
        get = library[f"{scope}14get_threadpoolEv"]
        reset = library[f"{scope}10ThreadPool24_unsafe_reset_threadpoolEj"]
    except AttributeError:
        raise AgentError("runtime", "this executorch-numpy-runtime does not let its threads be set") from None
    get.restype, reset.restype = ctypes.c_void_p, ctypes.c_bool
    if not reset(ctypes.c_void_p(get()), ctypes.c_uint(threads)):
        raise AgentError("runtime", f"ExecuTorch did not take {threads} thread{'s' * (threads > 1)}")


def executorch_bindings() -> Any:
    """ExecuTorch's own Python bindings, whose module has another name since 1.5.

    Its `portable_lib` has them in every version, and imports the whole exporter besides.

    Raises:
        ImportError: they are not there, or do not load: they need torch, which executorch 1.5 no longer brings.
    """
    import torch  # noqa: F401 - the bindings find its libraries loaded
    from executorch.extension import pybindings

    name = "_C" if find_spec(f"{pybindings.__name__}._C") else "_portable_lib"
    return import_module(f"{pybindings.__name__}.{name}")


def _executorch() -> Callable[..., Any]:
    import torch

    bindings = executorch_bindings()

    def load(model: bytes, threads: int) -> Callable[..., Any]:
        bindings._unsafe_reset_threadpool(threads)
        module = bindings._load_for_executorch_from_buffer(model)
        module.method_meta("forward")

        def run(image: Any, _keep: bytes = model) -> Any:  # the runtime reads from these bytes as long as it lives
            return module.forward([torch.from_numpy(image)], clone_outputs=False)[0].numpy()[0].copy()

        return run

    return load


ENGINES = {
    "onnxruntime": _onnxruntime,
    "executorch-numpy-runtime": _executorch_numpy_runtime,
    "executorch": _executorch,
}

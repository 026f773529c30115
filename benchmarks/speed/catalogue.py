"""Everybody who takes part in `python -m benchmarks.latency`."""

import platform
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from benchmarks.speed.contender import Contender, Engine, Workshop, build_with
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.recipe import OnnxAttention, Scheme, Target

__all__ = ["FILE_ENGINES", "OURS_FP32", "STOCK_INT8", "all_contenders", "given_file", "matching"]

FP32, INT8 = Precision.FP32, Precision.INT8
OURS_FP32 = "ours fp32"
"""What every contender of the same engine is compared with, where it takes part."""
X86_64 = {"x86_64", "AMD64"}
UNSIGNED, SIGNED = "timm int8 u8s8", "timm int8 s8s8"
STOCK_INT8 = {
    Engine.EXECUTORCH: "timm int8 stock",
    Engine.ONNXRUNTIME: UNSIGNED if platform.machine() in X86_64 else SIGNED,
    Engine.OPENVINO: "timm int8 nncf",
    Engine.LITERT: "timm int8 static",
}
"""How users of the engine come to int8: the other reference. ONNX Runtime advises unsigned activations on x86-64."""
FILE_ENGINES = {".pte": Engine.EXECUTORCH, ".onnx": Engine.ONNXRUNTIME, ".tflite": Engine.LITERT}
"""By the suffix of a file that is added."""
RUNTIMES = {Engine.EXECUTORCH: "executorch", Engine.ONNXRUNTIME: "onnxruntime", Engine.LITERT: "ai_edge_litert"}
PT2E = ("torch", "torchao", "executorch")
ONNX = ("onnx", "onnxscript", "onnxruntime")
LITERT = ("litert_torch", "ai_edge_litert", "timm")


def all_contenders() -> tuple[Contender, ...]:
    """levit-edge's files first, then peers."""
    return (*_ours(), *_library("timm"), *_library("transformers"), *_openvino(), *_litert(), *_ncnn(), *_mnn())


def matching(contenders: Iterable[Contender], patterns: Iterable[str]) -> list[Contender]:
    """Those whose keys fit one of the `patterns`, such as `onnxruntime/timm *`."""
    return [each for each in contenders if any(fnmatchcase(each.key, glob) for glob in patterns)]


def given_file(label: str, path: Path) -> Contender:
    """A file that was made elsewhere."""
    engine = FILE_ENGINES[path.suffix.lower()]
    copied = partial(_copied, path)
    return Contender(
        name=label, engine=engine, precision=None, requires=(RUNTIMES[engine],), build=copied, process="files"
    )


def _copied(path: Path, workshop: Workshop, folder: Path) -> tuple[Path, str]:  # noqa: ARG001
    return Path(shutil.copy(path, folder)), f"given: {path.name}"


def _ours() -> Iterator[Contender]:
    def contender(what: str, engine: Engine, precision: Precision, function: str, **choices: str) -> Contender:
        return Contender(
            name=f"ours {what}",
            engine=engine,
            precision=precision,
            requires=PT2E if engine is Engine.EXECUTORCH else ("torchao", *ONNX),
            build=build_with(f"benchmarks.speed.ours.{function}", **choices),
            process="ours",
        )

    yield contender("fp32", Engine.EXECUTORCH, FP32, "fp32_pte")
    for scheme in reversed(Scheme):
        yield contender(f"int8 {scheme}", Engine.EXECUTORCH, INT8, "int8_pte", scheme=scheme)
    yield replace(contender("int8-f16", Engine.EXECUTORCH, Precision.INT8_FLOAT16, "int8_f16_pte"), float16=True)
    yield contender("fp32", Engine.ONNXRUNTIME, FP32, "fp32_onnx")
    for what, scheme, target, attention in (
        ("mixed", Scheme.MIXED, Target.ANY, OnnxAttention.PLAIN),
        ("mixed, fused attention", Scheme.MIXED, Target.ANY, OnnxAttention.FUSED),
        ("mixed arm64", Scheme.MIXED, Target.ARM64, OnnxAttention.PLAIN),
        ("dynamic", Scheme.DYNAMIC, Target.X86_64, OnnxAttention.PLAIN),
        ("static x86-64", Scheme.STATIC, Target.X86_64, OnnxAttention.PLAIN),
        ("static arm64", Scheme.STATIC, Target.ARM64, OnnxAttention.PLAIN),
    ):
        choices = {"scheme": scheme, "target": target, "attention": attention}
        yield contender(f"int8 {what}", Engine.ONNXRUNTIME, INT8, "int8_onnx", **choices)


def _library(library: str) -> Iterator[Contender]:
    def contender(
        what: str, engine: Engine, precision: Precision, requires: tuple[str, ...], route: str, **choices: str
    ) -> Contender:
        return Contender(
            name=f"{library} {what}",
            engine=engine,
            precision=precision,
            requires=(library, *requires),
            build=build_with(f"benchmarks.peers.routes.{route}", library=library, **choices),
            process=library,
        )

    yield contender("fp32", Engine.TORCH, FP32, ("torch",), "torch_network")
    yield contender("fp32", Engine.TORCH_COMPILE, FP32, ("torch",), "torch_network")
    yield contender("fp32", Engine.EXECUTORCH, FP32, PT2E, "executorch_fp32")
    yield contender("int8 stock", Engine.EXECUTORCH, INT8, PT2E, "executorch_int8")
    yield contender("fp32", Engine.ONNXRUNTIME, FP32, ONNX, "onnx_fp32")
    for short, activations in (("u8s8", "QUInt8"), ("s8s8", "QInt8")):
        requires = (*ONNX, "sympy")
        yield contender(f"int8 {short}", Engine.ONNXRUNTIME, INT8, requires, "onnx_static", activations=activations)
    yield contender("int8 dynamic", Engine.ONNXRUNTIME, INT8, ONNX, "onnx_dynamic")


def _openvino() -> Iterator[Contender]:
    for source, modules in (("ours", ("torchao",)), ("timm", ("timm",))):
        for what, precision, function in (("fp32", FP32, "fp32"), ("int8 nncf", INT8, "int8")):
            own = ("nncf",) if precision is INT8 else ()
            yield Contender(
                name=f"{source} {what}",
                engine=Engine.OPENVINO,
                precision=precision,
                requires=("openvino", *own, *ONNX, *modules),
                build=build_with(f"benchmarks.peers.openvino.{function}", source=source),
                process="openvino",
                float16=True,
            )


def _litert() -> Iterator[Contender]:
    for what, precision, function in (
        ("fp32", FP32, "fp32"),
        ("int8 static", INT8, "static"),
        ("int8 dynamic", INT8, "dynamic"),
    ):
        own = ("ai_edge_quantizer",) if precision is INT8 else ()
        yield Contender(
            name=f"timm {what}",
            engine=Engine.LITERT,
            precision=precision,
            requires=(*LITERT, *own),
            build=build_with(f"benchmarks.peers.litert.{function}"),
            process="litert",
        )


def _ncnn() -> Iterator[Contender]:
    for what, precision, function, float16 in (
        ("fp32", FP32, "as_it_comes", False),
        ("float16", FP32, "as_it_comes", True),
        ("int8 linears, fp32", INT8, "int8_linears", False),
        ("int8 linears, float16", INT8, "int8_linears", True),
    ):
        yield Contender(
            name=f"timm {what}",
            engine=Engine.NCNN,
            precision=precision,
            requires=("ncnn", "pnnx", "timm"),
            build=build_with(f"benchmarks.peers.ncnn.{function}", float16=float16),
            process="ncnn",
            float16=float16,
        )


def _mnn() -> Iterator[Contender]:
    for what, precision, bits, float16 in (
        ("fp32", FP32, 0, False),
        ("float16", FP32, 0, True),
        ("8-bit weights, fp32", INT8, 8, False),
        ("8-bit weights, float16", INT8, 8, True),
    ):
        yield Contender(
            name=f"timm {what}",
            engine=Engine.MNN,
            precision=precision,
            requires=("MNN", "timm", *ONNX),
            build=build_with("benchmarks.peers.mnn.convert", float16=float16, weight_bits=bits),
            process="mnn",
            float16=float16,
        )

"""Who takes part in `python -m benchmarks.accuracy`: levit-edge's files first, then everybody else's, by runtime."""

from collections.abc import Iterator
from functools import partial

from benchmarks import ours
from benchmarks.ours import Variant
from benchmarks.peers import litert, nncf, onnxruntime, torchao
from benchmarks.speed.contender import Engine
from benchmarks.task import Peer
from levit_edge.bundle.recipe import Target

__all__ = ["PEERS"]

PT2E = ("torch", "torchao", "executorch")
ONNX = ("onnx", "onnxruntime")
LITERT = ("torch", "litert_torch", "ai_edge_quantizer", "ai_edge_litert")
DEFAULT = Variant(name="default")
ARM64 = Variant(name="arm64", target=Target.ARM64)
UNCALIBRATED = Variant(name="uncalibrated", own_images=False)


def _ours() -> Iterator[Peer]:
    for name, engine, variant, file in (
        ("int8.pte", Engine.EXECUTORCH, DEFAULT, "int8.pte"),
        ("int8-f16.pte", Engine.EXECUTORCH, DEFAULT, "int8-f16.pte"),
        ("int8.pte, uncalibrated", Engine.EXECUTORCH, UNCALIBRATED, "int8.pte"),
        ("int8-f16.pte, uncalibrated", Engine.EXECUTORCH, UNCALIBRATED, "int8-f16.pte"),
        ("int8.onnx", Engine.ONNXRUNTIME, DEFAULT, "int8.onnx"),
        ("int8.onnx, arm64", Engine.ONNXRUNTIME, ARM64, "int8.onnx"),
        ("int8.onnx, uncalibrated", Engine.ONNXRUNTIME, UNCALIBRATED, "int8.onnx"),
    ):
        requires = ("levit_edge", *(PT2E if engine is Engine.EXECUTORCH else ("torch", *ONNX)))
        build = partial(ours.build, variant=variant, file=file)
        yield Peer(name=f"ours {name}", runtime=engine, requires=requires, build=build)


def _pt2e() -> Iterator[Peer]:
    yield Peer(name="torchao", runtime=Engine.EXECUTORCH, requires=PT2E, build=torchao.build)
    for name, build in (("nncf", nncf.build), ("nncf true min-max", partial(nncf.build, true_extremes=True))):
        yield Peer(name=name, runtime=Engine.EXECUTORCH, requires=("nncf", *PT2E), build=build)


def _onnxruntime() -> Iterator[Peer]:
    for name, choices in (
        ("min-max", {"method": "MinMax"}),
        ("min-max, u8s8", {"method": "MinMax", "activations": "QUInt8"}),
        ("min-max, linear", {"method": "MinMax", "operators": onnxruntime.LINEAR_LAYERS}),
        ("entropy", {"method": "Entropy"}),
        ("percentile", {"method": "Percentile"}),
        ("percentile, linear", {"method": "Percentile", "operators": onnxruntime.LINEAR_LAYERS}),
    ):
        build = partial(onnxruntime.build, **choices)
        yield Peer(name=f"ort {name}", runtime=Engine.ONNXRUNTIME, requires=(*ONNX, "sympy"), build=build)


def _litert() -> Iterator[Peer]:
    for name, recipe, per_channel in (
        ("static, per channel", "static_wi8_ai8", True),
        ("static, per tensor", "static_wi8_ai8", False),
        ("dynamic, per channel", "dynamic_wi8_afp32", True),
        ("dynamic, per tensor", "dynamic_wi8_afp32", False),
    ):
        build = partial(litert.build, recipe=recipe, per_channel=per_channel)
        yield Peer(name=f"litert {name}", runtime=Engine.LITERT, requires=LITERT, build=build)


def _all() -> Iterator[Peer]:
    known = [*_ours(), *_pt2e(), *_onnxruntime(), *_litert()]
    for engine in (Engine.EXECUTORCH, Engine.ONNXRUNTIME, Engine.LITERT):
        yield from (each for each in known if each.runtime is engine)


PEERS = tuple(_all())

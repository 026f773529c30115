"""Everybody can be told apart and found, without any peer installed."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.speed.catalogue import OURS_FP32, STOCK_INT8, all_contenders, given_file
from benchmarks.speed.contender import Engine, named


def test_keys_are_unique() -> None:
    keys = [each.key for each in all_contenders()]
    assert len(set(keys)) == len(keys)


def test_references_take_part() -> None:
    keys = {each.key for each in all_contenders()}
    assert {f"{engine}/{name}" for engine, name in STOCK_INT8.items()} <= keys
    assert {f"{engine}/{OURS_FP32}" for engine in (Engine.EXECUTORCH, Engine.ONNXRUNTIME, Engine.OPENVINO)} <= keys


def test_every_build_is_a_function_that_exists() -> None:
    for each in all_contenders():
        assert isinstance(each.build, partial)
        assert callable(named(each.build.args[0]))


def test_a_given_file_has_the_engine_of_its_suffix() -> None:
    assert given_file("mine", Path("x.PTE")).key == "executorch/mine"
    assert given_file("mine", Path("x.onnx")).key == "onnxruntime/mine"


def test_the_command_imports_neither_torch_nor_a_peer() -> None:
    code = (
        "import sys, benchmarks.arm.__main__, benchmarks.latency, benchmarks.growth, benchmarks.speed.worker\n"
        "heavy = {'torch', 'onnxruntime', 'timm', 'transformers', 'openvino', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])

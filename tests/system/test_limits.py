"""Model files that crash their runtime, keep it busy, ask for all memory or point elsewhere: an error, and no more."""

import hashlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.self_contained import is_self_contained
from levit_edge.cli.main import run
from levit_edge.data.preprocess import Preprocessing
from levit_edge.device.lane import Lane
from levit_edge.device.protocol import AgentError
from levit_edge.errors import BundleError, DataError, ExitStatus, LevitEdgeError, RuntimeUnavailableError
from levit_edge.runtime.evaluation import pool as evaluation_pool
from levit_edge.runtime.evaluation.evaluator import Answer, Model
from levit_edge.runtime.evaluation.pool import answers
from levit_edge.runtime.evaluation.predict import predict
from levit_edge.runtime.inspect.model import ModelInspector
from levit_edge.system.limits import fault_document, raise_fault
from tests.bundle.test_reader import edit
from tests.conftest import colour_classifier

pytestmark = pytest.mark.timeout(120)
IMAGE = [("image", [1, 3, 32, 32])]
LOGITS = [("logits", [1, 3])]
PROTOCOL = Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
ZEROS = np.zeros((3, 32, 32), np.float32)


def onnx_model(nodes: list[Any], **constants: Any) -> bytes:
    """float32 (1, 3, 32, 32) -> float32 (1, 3) by `nodes`, the last of which gives `logits`."""
    tensors = [
        helper.make_tensor(name, data_type, (len(values),), values) for name, (data_type, values) in constants.items()
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in IMAGE + LOGITS]
    graph = helper.make_graph(nodes, "hostile", values[:1], values[1:], tensors)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    return bytes(model.SerializeToString())


def endless() -> bytes:
    """The mean colour, added to itself 2⁶² times."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go on"]),
            helper.make_node("Add", ["sum", "sum"], ["more"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 3]),
        ],
        [
            helper.make_tensor_value_info("go on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 3]),
        ],
    )
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
        helper.make_node("Loop", ["turns", "", "colour"], ["logits"], body=body),
    ]
    return onnx_model(nodes, turns=(TensorProto.INT64, [1 << 62]))


def greedy() -> bytes:
    """A tensor of 32 GiB on the way."""
    nodes = [
        helper.make_node("Expand", ["image", "shape"], ["huge"]),
        helper.make_node("GlobalAveragePool", ["huge"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Slice", ["flat", "start", "end"], ["logits"]),
    ]
    integers = {"shape": [1 << 21, 3, 32, 32], "start": [0], "end": [1]}
    return onnx_model(nodes, **{name: (TensorProto.INT64, each) for name, each in integers.items()})


def not_a_number() -> bytes:
    return colour_classifier(np.full((3, 3), np.nan))


def elsewhere(location: str) -> bytes:
    """The colour classifier with its weights in another file."""
    model = ModelProto.FromString(colour_classifier(np.eye(3)))
    (weights,) = model.graph.initializer
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": "36"}.items():
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    return bytes(model.SerializeToString())


def model_of(data: bytes, runtime: Runtime = Runtime.ONNXRUNTIME) -> Model:
    return Model(file="int8.file", runtime=runtime, read=lambda: data, classes=3)


@pytest.fixture(scope="module")
def crashing_program(small_pte: bytes) -> bytes:
    """A .pte whose root table says that its description is 256 MiB away: ExecuTorch 1.4 goes there."""
    program = bytearray(small_pte)
    struct.pack_into("<I", program, *struct.unpack_from("<I", program), 1 << 28)
    return bytes(program)


@pytest.mark.export
def test_a_program_that_crashes_executorch_is_an_error(
    crashing_program: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    match = r"int8\.file: the process that loaded it crashed \(killed by SIGSEGV\): the file is damaged or hostile"
    with pytest.raises(RuntimeUnavailableError, match=match):
        list(answers([model_of(crashing_program, Runtime.EXECUTORCH)], [ZEROS], PROTOCOL, 1))
    assert capfd.readouterr() == ("", "")


def test_inspecting_a_file_that_crashes_its_reader_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "onnx.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    (tmp_path / "x.onnx").write_bytes(not_a_number())
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with ModelInspector() as inspector:
        for _ in range(2):  # another process takes the place of the one that crashed
            with pytest.raises(RuntimeUnavailableError, match="SIGSEGV"):
                inspector.inspect("x.onnx", b"")
    assert run(["inspect", str(tmp_path / "x.onnx")]) == ExitStatus.BAD_INPUT
    said = " ".join(capsys.readouterr().err.split())
    assert "x.onnx: the process that inspected it crashed (killed by SIGSEGV): the file is damaged or hostile" in said


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_runtime_that_dies_on_a_photograph_is_an_error_that_names_it(
    name: str, tmp_path: Path, photographs: list[Path], small: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a runtime that dies of the second photograph."""
    (tmp_path / "onnxruntime.py").write_text(FRAGILE.format(signal=name))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    running = answers([model_of(b"")], photographs[:3], small, 1)
    assert isinstance(next(running), Answer)
    kind, end = (DataError, "died") if name == "SIGKILL" else (RuntimeUnavailableError, "crashed")
    with pytest.raises(kind, match=rf"001\.png: the process that evaluated it {end} \(killed by {name}"):
        next(running)


FRAGILE = """
import os, signal, types
import numpy as np
__version__ = "0"

class SessionOptions:
    pass

class InferenceSession:
    runs = 0

    def __init__(self, *_, **__):
        pass

    def get_inputs(self):
        return [types.SimpleNamespace(name="image", type="tensor(float)", shape=[1, 3, 32, 32])]

    def get_outputs(self):
        return [types.SimpleNamespace(name="logits", type="tensor(float)", shape=[1, 3])]

    def run(self, _names, _values):
        self.runs += 1
        if self.runs == 3:
            os.kill(os.getpid(), signal.{signal})
        return [np.zeros((1, 3), np.float32)]
"""


def test_a_model_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_pool, "LIMIT_S", 3)
    with pytest.raises(RuntimeUnavailableError, match=r"crashed \(killed by SIGALRM, as it took too long\)"):
        list(answers([model_of(endless())], [ZEROS], PROTOCOL, 1))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (greedy, "ONNX Runtime .* cannot run the file"),
        (not_a_number, "it gives logits that are not finite numbers"),
        (
            lambda: colour_classifier(np.ones((3, 5))),
            r"it is float32 \(1, 3, 32, 32\) -> float32 \(1, 5\), and its bundle",
        ),
        (lambda: elsewhere("secret"), "its weights are in other files"),
    ],
)
def test_a_model_that_cannot_be_run_is_an_error(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises((RuntimeUnavailableError, BundleError), match=rf"int8\.file: .*{reason}"):
        list(answers([model_of(make())], [ZEROS], PROTOCOL, 1))


@pytest.mark.parametrize("key", ["image_size", "classes"])
def test_a_bundle_that_contradicts_its_model_is_an_error(key: str, bundle_path: Path, photographs: list[Path]) -> None:
    """Its hashes are right: whoever made it made them."""

    def contradict(manifest: dict[str, Any]) -> None:
        if key == "classes":
            manifest["config"]["classes"] = 4
        else:
            manifest["preprocessing"] |= {"image_size": 64, "resize": 64}

    change_file(bundle_path, "labels.txt", b"a\nb\nc\nd\n" if key == "classes" else b"a\nb\nc\n")
    edit(bundle_path, contradict)
    expected = r"float32 \(1, 3, 32, 32\) -> float32 \(1, 3\), and its bundle says float32 \(1, 3, "
    with pytest.raises(BundleError, match=rf"int8\.onnx: it is {expected}"):
        list(predict(Bundle.open(bundle_path), photographs[:1]))


def change_file(bundle: Path, name: str, data: bytes) -> None:
    """Another file, with its hash in the manifest."""
    digest = hashlib.sha256(data).hexdigest()
    (bundle / name).write_bytes(data)

    def tell(manifest: dict[str, Any]) -> None:
        manifest["files"][name] = digest
        manifest["artifacts"] = [
            each | {"sha256": digest, "size_bytes": len(data)} if each["file"] == name else each
            for each in manifest["artifacts"]
        ]

    edit(bundle, tell)


@pytest.mark.parametrize("location", ["secret", "../secret", "*/_ORT_MEM_ADDR_/*"])
def test_an_onnx_file_that_points_to_others_is_never_opened(
    location: str, bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime 1.31 would read the first two, though it is given bytes."""
    (tmp_path / "work").mkdir()
    for folder in (tmp_path, tmp_path / "work"):
        (folder / "secret").write_bytes(np.eye(3, dtype="f4").tobytes())
    monkeypatch.chdir(tmp_path / "work")
    change_file(bundle_path, "int8.onnx", elsewhere(location))
    with pytest.raises(BundleError, match=r"int8\.onnx: its weights are in other files, which are not opened"):
        Bundle.open(bundle_path)
    with ModelInspector() as inspector:
        facts = inspector.inspect("x.onnx", elsewhere(location))
    assert facts["self_contained"] is False
    assert "other files" in facts["as_optimised_here"]["not_inspected"]


def test_padded_numbers_do_not_hide_other_files() -> None:
    hidden = elsewhere("secret").replace(b"\x0a\x08location", b"\x8a\x80\x00\x88\x80\x00location")
    assert not is_self_contained(hidden)


def test_a_word_in_a_name_is_no_location() -> None:
    model = ModelProto.FromString(colour_classifier(np.eye(3)))
    model.graph.node[0].name = "node with a location of its own"
    assert is_self_contained(model.SerializeToString())
    assert not is_self_contained(b"\0\0\0\0ORTM" + bytes(100))


def test_the_agent_says_that_a_file_took_too_long() -> None:
    lane = Lane()
    try:
        assert lane.ask(do="memory")["peak_bytes"] > 0
        os.kill(lane.pid, signal.SIGALRM)
        lane.send({"do": "memory"})
        with pytest.raises(AgentError, match="SIGALRM: it took more than 600 s to load it and to run it once"):
            lane.receive()
    finally:
        lane.close()


def test_errors_keep_their_class_through_a_pipe() -> None:
    for error in (BundleError("a"), RuntimeUnavailableError("b"), LevitEdgeError("c")):
        with pytest.raises(type(error), match=str(error)):
            raise_fault(json.loads(json.dumps(fault_document(error))))

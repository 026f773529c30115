from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from levit_edge.errors import BundleError
from levit_edge.runtime.inspect.onnx import OnnxInspection, inspect_onnx


def small_qdq_model() -> onnx.ModelProto:
    """Conv int8 -> Relu float -> Reshape -> Gemm whose result stays in float."""

    def quantized(name: str, to: str) -> list[onnx.NodeProto]:
        return [
            helper.make_node("QuantizeLinear", [name, "scale", "zero"], [f"{to}.q"]),
            helper.make_node("DequantizeLinear", [f"{to}.q", "scale", "zero"], [to]),
        ]

    nodes = [
        *quantized("image", "image.dq"),
        helper.make_node("DequantizeLinear", ["kernel", "scale", "zero"], ["kernel.dq"]),
        helper.make_node("Conv", ["image.dq", "kernel.dq"], ["features"]),
        *quantized("features", "features.dq"),
        helper.make_node("Relu", ["features.dq"], ["positive"]),
        helper.make_node("Reshape", ["positive", "shape"], ["flat"]),
        *quantized("flat", "flat.dq"),
        helper.make_node("DequantizeLinear", ["weights", "scale", "zero"], ["weights.dq"]),
        helper.make_node("Gemm", ["flat.dq", "weights.dq"], ["logits"]),
    ]
    constants = {
        "scale": np.float32(0.1),
        "zero": np.int8(0),
        "kernel": np.ones((2, 3, 1, 1), np.int8),
        "weights": np.ones((2, 5), np.int8),
        "shape": np.array([1, 2], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 1, 1])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 5])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 19)])


MODEL = small_qdq_model().SerializeToString()


def test_operators_are_counted_by_precision() -> None:
    onnx.checker.check_model(MODEL, full_check=True)
    assert inspect_onnx(MODEL) == OnnxInspection(
        opset=19,
        size_bytes=len(MODEL),
        int8_operators={"Conv": 1},
        float_operators={"Relu": 1, "Gemm": 1},
        shape_operators={"Reshape": 1},
        conversions={"DequantizeLinear": 5, "QuantizeLinear": 3},
        self_contained=True,
    )


def test_a_float_model_has_nothing_in_int8(tiny_bundle: Path) -> None:
    facts = inspect_onnx((tiny_bundle / "fp32.onnx").read_bytes())
    assert facts.int8_operators == facts.conversions == {}
    assert facts.float_operators == {"GlobalAveragePool": 1, "Gemm": 1}
    assert facts.shape_operators == {"Flatten": 1}


def test_weights_in_another_file_are_noticed_and_not_opened() -> None:
    model = small_qdq_model()
    weights = model.graph.initializer[3]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    assert not inspect_onnx(model.SerializeToString()).self_contained


@pytest.mark.parametrize("content", [b"", b"hello, I am no model", b"\x89PNG\r\n\x1a\n", b"\0" * 100, MODEL[:-7]])
def test_what_is_no_onnx_file_is_an_error(content: bytes) -> None:
    with pytest.raises(BundleError, match="it is not an ONNX file"):
        inspect_onnx(content)


@given(st.binary(max_size=300))
def test_random_bytes_are_an_error(content: bytes) -> None:
    with pytest.raises(BundleError):
        inspect_onnx(content)


@given(st.lists(st.tuples(st.integers(0, len(MODEL) - 1), st.binary(min_size=1, max_size=4)), max_size=8), st.data())
def test_a_damaged_file_gives_facts_or_an_error(changes: list[tuple[int, bytes]], data: st.DataObject) -> None:
    damaged = bytearray(MODEL)
    for place, replacement in changes:
        damaged[place : place + len(replacement)] = replacement
    length = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))
    try:
        facts = inspect_onnx(bytes(damaged[:length]))
    except BundleError:
        return
    assert facts.size_bytes == length

from pathlib import Path

import pytest
from onnx import TensorProto

from levit_edge.errors import BundleError
from levit_edge.runtime.inspect.onnxruntime import inspect_onnxruntime
from tests.runtime.inspect.test_onnx import MODEL, small_qdq_model


def test_the_optimised_graph_is_counted_by_kind() -> None:
    optimised = inspect_onnxruntime(MODEL)
    assert optimised.int8_operators == {"QLinearConv": 1, "QGemm": 1}
    assert optimised.float_operators == {"Relu": 1}
    assert optimised.shape_operators["Reshape"] == 1
    assert set(optimised.conversions) <= {"QuantizeLinear", "DequantizeLinear"}


def test_a_float_model_has_nothing_in_int8(tiny_bundle: Path) -> None:
    assert inspect_onnxruntime((tiny_bundle / "fp32.onnx").read_bytes()).int8_operators == {}


def test_weights_in_another_file_are_not_opened() -> None:
    model = small_qdq_model()
    weights = model.graph.initializer[3]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(BundleError, match="other files"):
        inspect_onnxruntime(model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"hello, I am no model", MODEL[:-7]])
def test_what_onnxruntime_refuses_is_an_error(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"refuses the file|not an ONNX file"):
        inspect_onnxruntime(content)

"""Which runtimes a file needs, told from its bytes, and what is said of older ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from levit_edge.device.oldest import (
    ALL_FILES,
    NEEDS,
    explain_import,
    explain_refusal,
    is_older,
    oldest_onnxruntime,
)


def onnx_file(ir_version: int, operator_set: int, operator: str = "Identity", domain: str = "") -> bytes:
    """A file with one node, which no runtime is asked about."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("image", "logits")]
    weights = helper.make_tensor("QuantizeLinear", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph(
        [helper.make_node(operator, ["image"], ["logits"])], "g", [values[0]], [values[1]], [weights]
    )
    opsets = [helper.make_opsetid(domain, operator_set)]
    return bytes(helper.make_model(graph, ir_version=ir_version, opset_imports=opsets).SerializeToString())


@pytest.mark.parametrize(
    ("ir_version", "operator_set", "operator", "oldest"),
    [
        (8, 18, "QuantizeLinear", "1.15.0"),
        (10, 18, "QuantizeLinear", "1.18.0"),
        (11, 23, "DynamicQuantizeLinear", "1.23.0"),
        (11, 23, "QuantizeLinear", "1.24.1"),
        (9, 18, "Identity", None),
        (11, 24, "QuantizeLinear", None),
    ],
)
def test_a_file_says_what_it_needs(ir_version: int, operator_set: int, operator: str, oldest: str | None) -> None:
    assert oldest_onnxruntime(onnx_file(ir_version, operator_set, operator)) == oldest


def test_of_operators_of_others_nothing_is_known() -> None:
    assert oldest_onnxruntime(onnx_file(8, 18, domain="com.microsoft")) is None


EXAMPLE = onnx_file(11, 23, "QuantizeLinear")


@given(st.binary() | st.builds(lambda end, tail: EXAMPLE[:end] + tail, st.integers(0, len(EXAMPLE)), st.binary()))
def test_damaged_files_are_no_error(data: bytes) -> None:
    assert oldest_onnxruntime(data) in {None, "1.15.0", "1.18.0", "1.23.0", "1.24.1"}


@pytest.mark.parametrize("end", range(1, len(EXAMPLE)))
def test_of_a_file_that_is_cut_off_nothing_is_known(end: int) -> None:
    assert oldest_onnxruntime(EXAMPLE[:-end]) is None


def test_a_file_that_says_a_number_where_it_should_have_bytes_costs_no_memory() -> None:
    node = b"\x20\xff\xff\xff\xff\xff\xff\xff\x7f"  # field 4 as a whole number
    graph = b"\x0a" + bytes([len(node)]) + node
    assert oldest_onnxruntime(b"\x08\x0b\x3a" + bytes([len(graph)]) + graph + b"\x42\x02\x10\x17") == "1.23.0"


@pytest.mark.parametrize(
    ("package", "version", "form", "oldest"),
    [
        ("onnxruntime", "1.15.1", (10, 18), "1.18.0"),
        ("onnxruntime", "1.24.0.dev20251031003", (11, 23), None),
        ("onnxruntime", "1.18.0", (10, 18), None),
        ("onnxruntime", "1.9.0", (12, 18), None),
        ("executorch", "1.2.0", (8, 18), "1.3.1"),
        ("executorch", "1.4.1+cpu", (8, 18), None),
        ("executorch-numpy-runtime", "1.3.9", (8, 18), "1.4.0"),
    ],
)
def test_a_runtime_that_is_too_old_is_named(
    package: str, version: str, form: tuple[int, int], oldest: str | None
) -> None:
    told = f"{package} {version} is installed; the file needs {oldest} or newer: pip install '{package}>={oldest}'"
    assert explain_refusal(package, version, onnx_file(*form)) == (told if oldest else None)


def test_old_ones_beside_numpy_2_are_explained() -> None:
    assert explain_import("onnxruntime", "1.18.1", ImportError()).startswith("1.18.1 does not load beside numpy 2")
    assert explain_import("onnxruntime", "1.18.1", ImportError("no libgomp")) == "no libgomp"
    assert explain_import("onnxruntime", "1.31.1", ImportError()) == "it gives no reason"


def test_versions_are_numbers() -> None:
    assert is_older("1.9.2", "1.15.0")
    assert not is_older("1.15.0", "1.15.0")
    assert not is_older("1.18", "1.18.0")
    assert is_older("1.17", "1.18.0")


def test_of_a_package_without_a_version_nothing_is_said() -> None:
    assert explain_refusal("onnxruntime", None, EXAMPLE) is None


def test_every_runtime_has_a_version_that_all_files_need() -> None:
    assert all(next(iter(needs)) == ALL_FILES for needs in NEEDS.values())

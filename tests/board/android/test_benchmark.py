"""The contract with the Android app: the schema and the dataclasses take and refuse the same documents."""

import copy
import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fuzz.board_answers import APP_RESULT as RESULT
from fuzz.board_answers import NONCE
from levit_edge.board.android.benchmark import read_app_benchmark
from levit_edge.errors import BoardError

SCHEMA = json.loads(files("levit_edge.board.android").joinpath("benchmark.schema.json").read_bytes())
FAILURE = {"schema_version": 1, "nonce": NONCE, "error": "threads is 0"}
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        "",
        "x" * 200,
        "x" * 201,
        -1,
        0,
        1,
        6,
        7,
        0.5,
        -0.5,
        9999999.5,
        10000000.5,
        [],
        ["x"],
        ["x"] * 21,
        {},
        NONCE,
    ]
)
KEYS = [(key,) for key in RESULT] + [
    (key, inner) for key, value in RESULT.items() if isinstance(value, dict) for inner in value
]


def in_schema(document: object) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(document))


def in_dataclasses(document: dict[str, Any]) -> bool:
    """What a schema cannot say is left out: that the result answers this request, and the order of percentiles."""
    try:
        read_app_benchmark(json.dumps(document).encode(), NONCE, "adb")
    except BoardError as error:
        disordered = "0 < min <= p50" in str(error) and min(document["latency_ms"].values()) > 0
        return disordered or any(words in str(error) for words in ("another request", "could not measure"))
    return True


def put(document: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_both_take_a_result_and_a_failure() -> None:
    assert in_schema(RESULT)
    assert in_schema(FAILURE)
    assert read_app_benchmark(json.dumps(RESULT).encode(), NONCE, "adb").device.model == "Pixel 7"
    assert in_dataclasses(FAILURE)


@given(st.sampled_from(KEYS), VALUES)
def test_both_judge_a_changed_value_alike(path: tuple[str, ...], value: object) -> None:
    """But for whole numbers written as 1.0, which a schema takes for integers and we do not."""
    assume(not (isinstance(value, float) and value.is_integer()))
    document = copy.deepcopy(RESULT)
    put(document, path, value)
    assert in_schema(document) == in_dataclasses(document)


def test_both_refuse_a_difference_that_is_as_good_as_infinite() -> None:
    document = copy.deepcopy(RESULT)
    document["self_test"]["max_abs_difference"] = 2e30
    assert not in_schema(document)
    assert not in_dataclasses(document)


@given(st.sampled_from(KEYS))
def test_both_refuse_a_missing_key(path: tuple[str, ...]) -> None:
    document = inner = copy.deepcopy(RESULT)
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    assert not in_schema(document)
    assert not in_dataclasses(document)


@pytest.mark.parametrize("path", [("more",), ("device", "more"), ("latency_ms", "more"), ("error",)])
def test_both_refuse_an_unknown_key(path: tuple[str, ...]) -> None:
    document = copy.deepcopy(RESULT)
    put(document, path, "x")
    assert not in_schema(document)
    assert not in_dataclasses(document)


@pytest.mark.parametrize("key", sorted(FAILURE))
def test_both_want_all_of_a_failure(key: str) -> None:
    document = {name: value for name, value in FAILURE.items() if name != key}
    assert not in_schema(document)
    assert not in_dataclasses(document)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b'"error"', b'{"error": NaN}'])
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(BoardError, match=r"the demo app's result is not"):
        read_app_benchmark(content, NONCE, "adb")


def test_a_result_of_another_request_is_not_taken() -> None:
    with pytest.raises(BoardError, match="answers another request"):
        read_app_benchmark(json.dumps(RESULT).encode(), "f" * 32, "adb")


def test_percentiles_out_of_order_are_refused() -> None:
    document = copy.deepcopy(RESULT)
    document["latency_ms"]["p90"] = 1.0
    with pytest.raises(BoardError, match=r"times that are not 0 < min <= p50 <= p90 <= p99"):
        read_app_benchmark(json.dumps(document).encode(), NONCE, "adb")


def test_what_the_app_says_went_wrong_is_passed_on() -> None:
    with pytest.raises(BoardError, match=r"^adb:X: the demo app could not measure: threads is 0\.$"):
        read_app_benchmark(json.dumps(FAILURE).encode(), NONCE, "adb:X")

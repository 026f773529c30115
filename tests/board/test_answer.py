"""Figures that a board gives, right or wrong; a stand-in makes them up."""

import copy
import math
from typing import Any

import pytest

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BoardError
from tests.board.measuring import BOTH, answer, entry, measured


def test_figures_are_those_of_the_runs(bundle: Bundle) -> None:
    fp32, int8 = measured(bundle, answer()).results
    assert (fp32.precision, int8.precision) == (Precision.FP32, Precision.INT8)
    assert int8.latency_ms is not None
    assert (int8.latency_ms.p50, int8.latency_ms.min) == (1.5, 1.0)
    assert int8.latency_ms.p90 == 2.7  # of 1, 1, 2, 3: a tenth before the end of three intervals
    assert int8.images_per_second == 666.67
    assert int8.runs == 4
    assert int8.load_ms == 12.346
    assert (int8.peak_rss_bytes, int8.model_rss_bytes) == (64 << 20, 4 << 20)
    assert int8.golden is not None
    assert int8.golden.sqnr_db == 50


def test_logits_that_are_the_same_have_no_ratio(bundle: Bundle) -> None:
    golden = {"images": 2, "same_top1": 2, "signal": 100.0, "noise": 0.0, "std": 1.0}
    found = measured(bundle, answer(entry("fp32.onnx", golden=golden), BOTH[1])).results[0].golden
    assert found is not None
    assert found.sqnr_db is None


def test_the_speed_up_is_the_median_over_turns_with_quartiles(bundle: Bundle) -> None:
    """Five turns with the ratios 1 to 5: the board was busy in some, and both files alike felt it."""
    slow = [[ratio * busy] * 3 for ratio, busy in zip((5, 1, 4, 2, 3), (1, 10, 1, 2, 1), strict=True)]
    fast = [[float(busy)] * 3 for busy in (1, 10, 1, 2, 1)]
    (speedup,) = measured(bundle, answer(entry("fp32.onnx", rounds=slow), entry("int8.onnx", rounds=fast))).speedups
    assert (speedup.p25, speedup.median, speedup.p75) == (2, 3, 4)


def test_without_one_of_the_files_there_is_no_speed_up(bundle: Bundle) -> None:
    failed = entry("fp32.onnx", error={"kind": "golden", "message": "wrong"}, rounds=[])
    assert measured(bundle, answer(failed, BOTH[1])).speedups == ()


def test_a_long_curve_is_thinned_out_and_keeps_its_ends(bundle: Bundle) -> None:
    points = [
        {"seconds": float(second), "p50_ms": 1.0 if second <= 50 else 2.0, "state": {}} for second in range(1, 101)
    ]
    run = {"file": "int8.onnx", "threads": 1, "points": points}
    found = measured(bundle, answer(sustained=run)).sustained
    assert found is not None
    assert found.slowdown == 2
    assert len(found.points) <= 31
    assert (found.points[0].seconds, found.points[-1].seconds) == (1, 100)


# --- what no board measures ------------------------------------------------------------------------------------------


HUGE = 10**400
"""JSON has such numbers, and Python reads them."""
NO_NUMBERS: tuple[Any, ...] = (None, "1", True, [1], math.nan, math.inf, -1, HUGE, -HUGE)
POINT = {"seconds": 1.0, "p50_ms": 2.0, "state": {}}
CURVE = {"file": "int8.onnx", "threads": 1, "points": [POINT]}
FIRST, SECOND = ("entries", 0), ("entries", 1)
NO_ROUNDS: list[Any] = [
    None, 3, "123", {}, [], [[]], [[1.0], []], [1.0, 2.0], [[[1.0]], [[1.0]]], [["a"], ["b"]], [[None], [1.0]],
    [[math.nan], [1.0]], [[math.inf], [1.0]], [[-1.0], [1.0]], [[0.0], [1.0]], [[HUGE], [1.0]], [[1e300], [1.0]],
    [[1e-300], [1.0]], [{"a": 1}, [1.0]], [[1.0]],
]  # fmt: skip
"""The last is short of one, which fp32 has."""
DAMAGED: list[tuple[str, tuple[str | int, ...], Any]] = [
    *(("entries", ("entries",), value) for value in (None, "text", {"0": 1}, 7, [*BOTH, None])),
    *(("int8.onnx", (*SECOND, "file"), value) for value in (None, ["int8.onnx"], "fp32.onnx")),
    *(("int8.onnx", (*SECOND, "threads"), value) for value in (None, {"1": 1}, 2)),
    *(("rounds", (*SECOND, "rounds"), value) for value in NO_ROUNDS),
    *(
        (key, (*FIRST, key), value)
        for key in ("load_ms", "first_ms", "peak_bytes", "imported_bytes")
        for value in NO_NUMBERS
    ),
    *(("golden", (*FIRST, "golden"), value) for value in (None, [1], 1, "golden")),
    *(
        (key, (*FIRST, "golden", key), value)
        for key in ("images", "same_top1", "signal", "noise")
        for value in NO_NUMBERS
    ),
    *(
        (key, ("sustained",), CURVE | {"points": [POINT | {key: value}]})
        for key in ("seconds", "p50_ms")
        for value in NO_NUMBERS
    ),
    ("p50_ms", ("sustained",), CURVE | {"points": [POINT | {"p50_ms": 0}]}),
    ("threads", ("sustained",), CURVE | {"threads": None}),
]


def answer_with(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A healthy answer but for one value."""
    document = copy.deepcopy(answer())
    part: Any = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return document


@pytest.mark.parametrize(("what", "path", "value"), DAMAGED)
def test_an_answer_that_is_no_measurement_is_an_error(
    bundle: Bundle, what: str, path: tuple[str | int, ...], value: Any
) -> None:
    complaint = rf"board: the board's answer is not a measurement \('{what}' is missing or wrong\)"
    with pytest.raises(BoardError, match=complaint):
        measured(bundle, answer_with(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("entries",), [*BOTH, {"file": [], "threads": {}}]),
        (("before",), None),
        (("after",), "hot"),
        (("before",), {"khz": {"0": HUGE}, "temperatures_mc": {"\x1b[2J": HUGE}}),
        (("sustained",), "long"),
        (("sustained",), {"points": []}),
        (("sustained",), {"points": [1, None]}),
        ((*FIRST, "golden"), {"images": 2, "same_top1": 2, "signal": 1e-300, "noise": 1e15}),
        ((*FIRST, "golden"), {"images": 2, "same_top1": 2, "signal": 0, "noise": 0}),
        ((*FIRST, "package"), ["\x1b[2J"]),
        ((*FIRST, "peak_bytes"), 0),
    ],
)
def test_what_does_not_matter_does_no_harm(bundle: Bundle, path: tuple[str | int, ...], value: Any) -> None:
    assert measured(bundle, answer_with(path, value)).results[1].runs == 4


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"message": "\x1b[2Jno\nway"}, "[2Jno way"),
        ("text", "text"),
        ({}, "it does not say why"),
        ("", "it does not say why"),
        (0, "it does not say why"),
        ({"message": "\x1b"}, "it does not say why"),
    ],
)
def test_a_row_without_times_has_a_reason(bundle: Bundle, error: Any, reason: str) -> None:
    found = measured(bundle, answer(BOTH[0], entry("int8.onnx", error=error)))
    assert found.results[1].error == reason
    assert found.results[1].latency_ms is None
    assert found.speedups == ()

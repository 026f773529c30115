"""In which order everything is measured, and rows of what was found so far."""

from dataclasses import replace

import pytest

from benchmarks.arm.measuring import HERE, Measuring
from benchmarks.arm.results import Accuracy, Counted, Made
from benchmarks.arm.rows import NOT_MADE, OLDER, known_rows, measure
from benchmarks.speed.contender import Contender
from tests.benchmarks.arm.conftest import contender


def test_emulated_images_come_last_and_processors_one_by_one(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    plain = contender("write", size=10)
    half = replace(plain, name="half", float16=True)

    def accuracy(_self: Measuring, asking: Contender, _made: Made) -> None:
        asked.append((asking.name, "accuracy"))

    def counted(_self: Measuring, asking: Contender, _made: Made, cpu: str) -> None:
        asked.append((asking.name, cpu))

    monkeypatch.setattr(Measuring, "accuracy", accuracy)
    monkeypatch.setattr(Measuring, "counted", counted)
    monkeypatch.setattr(Measuring, "timed", lambda *_: None)
    measure([half, plain, contender("fail")], measuring, ("a", "b"))
    assert asked == [
        ("write", "accuracy"),
        *[(name, cpu) for cpu in ("a", "b") for name in ("half", "write")],
        ("half", "accuracy"),
    ]


def test_rows_are_what_was_found_so_far(measuring: Measuring) -> None:
    peer, unmade = contender("write", size=10), contender("fail")
    ours = replace(peer, name="ours fp32")
    made, seen = Made(file="x"), Accuracy(images=1, where=HERE)
    for key in (peer.key, ours.key):
        measuring.store.keep(f"{key}.file", made)
        measuring.store.keep(f"{key}.a", Counted(main=1.0))
        measuring.store.keep(f"{key}.accuracy", seen)
    rows = known_rows([peer, unmade, ours], measuring.store, ("a", "b"))
    assert [row.made for row in rows] == [made, NOT_MADE, OLDER]
    assert [row.counts for row in rows] == [{"a": Counted(main=1.0)}, {}, {}]
    assert [row.accuracy for row in rows] == [seen, None, None]

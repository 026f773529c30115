"""Findings outlive the command, and never stand beside those of something else."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.arm.results import Counted
from benchmarks.arm.store import Setting, Store
from levit_edge.errors import DataError

SETTING = Setting(
    checkpoint_sha256="a",
    calibration_sha256="b",
    calibration_images=8,
    evaluation="c",
    evaluation_images=4,
    float16_images=1,
    runs=3,
    resize=224,
    versions={"ncnn": "1"},
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(folder=tmp_path / "work")
    store.require(SETTING)
    return store


def test_what_was_found_is_not_sought_again(store: Store) -> None:
    key = "ncnn/timm fp32.cortex-a76"
    found = [store.once(key, Counted, partial(Counted, main=value)) for value in (1.0, 2.0)]
    assert found == [Counted(main=1.0)] * 2
    assert store.known("ncnn/timm fp32.cortex-a53", Counted) is None


def test_what_failed_is_tried_again(store: Store) -> None:
    store.keep("x", Counted(reason="not ready in time: allow it more with --timeout."))
    assert store.once("x", Counted, partial(Counted, main=1.0)) == Counted(main=1.0)


def test_what_is_forgotten_is_that_of_one_file(store: Store) -> None:
    keys = (
        "executorch/ours int8 mixed.time",
        "executorch/ours int8 mixed.cortex-a76",
        "executorch/ours int8 mixed arm64.time",
    )
    for key in keys:
        store.keep(key, Counted(main=1.0))
    store.forget("executorch/ours int8 mixed.*")
    assert [store.known(key, Counted) for key in keys] == [None, None, Counted(main=1.0)]


def test_the_same_setting_goes_on(store: Store) -> None:
    store.keep("x", Counted(main=1.0))
    store.require(SETTING)
    assert store.known("x", Counted) == Counted(main=1.0)


def test_another_setting_is_refused_by_name(store: Store) -> None:
    other = replace(SETTING, checkpoint_sha256="z", versions={"ncnn": "2"})
    with pytest.raises(DataError, match=r"measurements with other checkpoint_sha256, versions: give another folder"):
        store.require(other)


def test_a_damaged_finding_is_refused(store: Store) -> None:
    store.keep("x", Counted(main=1.0))
    (store.folder / "found" / "x.json").write_text("{")
    with pytest.raises(DataError, match=r"x\.json"):
        store.known("x", Counted)

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from levit_edge.device import small_files
from levit_edge.device.small_files import peak_rss_bytes
from levit_edge.system import progress as stages_module
from levit_edge.system import worker as helpers
from levit_edge.system.progress import Advance, Stages

BALLAST = 256 * 2**20


class Heard:
    def __init__(self) -> None:
        self.told: list[str | int | None] = []

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        self.told += [name, total]
        yield self.told.append


def test_a_listener_hears_of_stages_and_items() -> None:
    heard = Heard()
    stages = Stages(heard)
    with stages.stage("first", total=3) as advance:
        advance(2)
    with stages.stage("second"):
        pass
    assert heard.told == ["first", 3, 2, "second", None]
    assert [record.name for record in stages.records] == ["first", "second"]


def test_a_stage_that_fails_is_not_recorded() -> None:
    stages = Stages()
    with pytest.raises(ValueError, match="oh"), stages.stage("first"):
        raise ValueError("oh")
    assert stages.records == []


@pytest.mark.skipif(sys.platform != "linux", reason="clear_refs")
def test_the_peak_is_that_of_the_stage() -> None:
    stages = Stages()
    for size in (BALLAST, 1):
        with stages.stage(str(size)):
            ballast = bytearray(size)
            ballast[::4096] = b"x" * len(ballast[::4096])
            del ballast
    large, small = (record.peak_rss_bytes for record in stages.records)
    assert large - small > BALLAST / 2


def test_the_memory_of_the_largest_group_of_helpers_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages_module, "peak_rss_bytes", lambda: 1000)
    stages = Stages()
    with stages.stage("with helpers"):
        for peak in (30, 50, 40):
            helpers._watches[-1].append(peak)
    with stages.stage("without"):
        pass
    assert [record.peak_rss_bytes for record in stages.records] == [1050, 1000]
    assert helpers._watches == []


def test_a_system_without_proc_still_has_a_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_files, "process_peak_bytes", lambda _process: None)
    assert peak_rss_bytes() > 2**20

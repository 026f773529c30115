"""What `quantize` prints of a finished bundle."""

import dataclasses
from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.show.tables import print_bundle
from levit_edge.report.report_data import ReportData
from levit_edge.system.progress import StageRecord
from tests.board.example import COOL, measured

Captured = pytest.CaptureFixture[str]


def shown(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, path: Path, load: float, stages: dict[str, float]
) -> list[str]:
    latency = measured(before=dataclasses.replace(COOL, load_average=load))
    data = ReportData(limit=None, layer_images=0, layers=(), latency=latency)
    monkeypatch.setattr("levit_edge.cli.show.tables.read_report_data", lambda _bundle: data)
    bundle = Bundle.open(path)
    records = tuple(StageRecord(name=name, seconds=each, peak_rss_bytes=2**20) for name, each in stages.items())
    print_bundle(Bundle(path, dataclasses.replace(bundle.manifest, stages=records)), json=False)
    return capsys.readouterr().out.splitlines()


def test_stages_are_told_with_their_share_the_longest_first(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path
) -> None:
    lines = shown(capsys, monkeypatch, tiny_bundle, 0.0, {"read": 1, "calibrate": 30, "verify": 68, "fold": 1})
    assert "100 s (verify 68%, calibrate 30%, 2 other stages 2%), peak memory 1 MiB" in lines
    assert "0 s, peak memory 1 MiB" in shown(capsys, monkeypatch, tiny_bundle, 0.0, {"read": 0})


@pytest.mark.parametrize(("load", "said"), [(4.0, False), (10.2, True)])
def test_a_run_that_others_slowed_says_so_first(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, load: float, said: bool
) -> None:
    """On four cores: a load of four may be the run's own."""
    lines = shown(capsys, monkeypatch, tiny_bundle, load, {"read": 1})
    first = "the report's speed-ups are not to be relied on: slowed by other programs (load"
    assert lines[0].startswith(first) is said

"""The comparison as a command: wrong usage, bad input, and a run on the demo when no peer is there."""

import json
from pathlib import Path

import pytest

from benchmarks import isolation
from benchmarks.accuracy import PEERS, main
from benchmarks.results import Comparison, Row
from levit_edge.bundle.kinds import Runtime
from levit_edge.documents import from_json, read_json, to_json
from levit_edge.errors import DataError, ExitStatus


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "128S"],
        ["--checkpoint", "x.pth", "--calibration", "images"],
        ["--model", "demo", "--limit", "0"],
        ["--model", "demo", "--output", "no/such/folder/figures.json"],
    ],
)
def test_wrong_usage_is_refused_before_any_work(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == ExitStatus.USAGE


def test_an_unreadable_checkpoint_is_one_message(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = str(tmp_path)
    status = main(["--checkpoint", f"{folder}/none.pth", "--calibration", folder, "--evaluation", folder])
    assert status == ExitStatus.BAD_INPUT
    assert "does not exist; expected the path of a checkpoint" in capfd.readouterr().err


@pytest.mark.export
def test_without_any_peer_our_own_figures_remain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(isolation, "missing", lambda modules: modules)
    output = tmp_path / "figures.json"
    arguments = ["--model", "demo", "--calibration-images", "10", "--limit", "20", "--output", str(output)]
    assert main(arguments) == ExitStatus.DONE

    comparison = from_json(Comparison, read_json(output, DataError, "the figures"), DataError, "the figures")
    assert json.loads(output.read_text()) == to_json(comparison)
    assert (comparison.calibration.count, comparison.evaluation.count) == (10, 20)
    assert comparison.command == f"python -m benchmarks.accuracy {' '.join(arguments)}"
    rows = {(row.name, row.runtime): row for row in comparison.rows}
    for name in {each.name for each in PEERS}:
        (row,) = (row for row in comparison.rows if row.name == name)
        assert row == Row(name=name, runtime=row.runtime, note=row.note)
        assert row.note.startswith("not installed: ")
    for runtime in Runtime:
        _check_our_rows(rows["levit-edge fp32", runtime], rows["levit-edge int8", runtime])

    printed = capsys.readouterr().out
    assert "say nothing about ImageNet" in printed
    assert "nncf (executorch): not installed: nncf" in printed
    assert all(f"{row.size_bytes:,}" in printed for row in rows.values() if row.size_bytes)  # no figure is cut short


def _check_our_rows(fp32: Row, int8: Row) -> None:
    assert fp32.drop_pt is fp32.sqnr_db is fp32.calibration_images is None
    assert fp32.top1 is not None
    assert int8.top1 is not None
    assert int8.drop_pt == pytest.approx(fp32.top1 - int8.top1)
    assert int8.drop_pt is not None
    assert int8.drop_ci95_pt is not None
    assert int8.drop_ci95_pt[0] < int8.drop_pt < int8.drop_ci95_pt[1]
    assert int8.calibration_images == 10
    assert fp32.size_bytes is not None
    assert int8.size_bytes is not None
    assert int8.size_bytes < fp32.size_bytes / 2
    assert int8.seconds is not None
    assert int8.seconds > 0

"""The table on a terminal and as Markdown."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.arm import table
from benchmarks.arm.__main__ import PROCESSORS, contenders
from benchmarks.arm.measuring import FIRST_CPU, HERE
from benchmarks.arm.results import TABLE_COLUMNS, Accuracy, ArmComparison, Counted, Made, Row, Timed, show
from benchmarks.arm.rows import NOT_MADE
from benchmarks.document import circumstances
from benchmarks.speed.contender import Engine
from levit_edge.bundle.kinds import Precision
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError

GOOD = Row(
    name="timm fp32",
    runtime=Engine.NCNN,
    precision=Precision.FP32,
    float16=False,
    made=Made(file="x", size_bytes=29_770_046, note="pnnx"),
    accuracy=Accuracy(images=60, where=HERE, sqnr_db=126.7, agreement=100.0),
    timed=Timed(ms=9.7, ratio=2.53),
    counts={"cortex-a76": Counted(main=112.0, elsewhere=9.0), "cortex-a53": Counted(reason="status 1")},
)
BAD = replace(
    GOOD, name="timm int8", made=Made(reason="failed: no such operator"), accuracy=None, timed=None, counts={}
)
HALF = replace(
    GOOD,
    name="ours int8-f16",
    runtime=Engine.EXECUTORCH,
    float16=True,
    made=Made(file="executorch/ours-int8-f16/int8-f16.pte", size_bytes=8_200_000),
    accuracy=Accuracy(images=50, where=FIRST_CPU, sqnr_db=37.6, agreement=100.0),
    counts={"cortex-a76": Counted(main=38.3, elsewhere=0.0), "cortex-a53": Counted(reason="status 1")},
)


@pytest.fixture
def document() -> ArmComparison:
    return ArmComparison(
        caveat="c",
        command="m",
        **circumstances(("numpy",)),
        model="LeViT-demo",
        classes=10,
        checkpoint_sha256="0",
        calibration_images=8,
        runs=3,
        board_packages={"aarch64 ncnn": "1"},
        commit="abc1234+",
        rows=(BAD, GOOD, HALF),
    )


def test_the_document_reads_as_it_was_written(document: ArmComparison) -> None:
    assert from_json(ArmComparison, to_json(document), DataError, "document") == document


def test_a_terminal_has_every_row_and_says_what_fails(document: ArmComparison) -> None:
    console = Console(width=130, record=True, file=io.StringIO())
    show(document, console)
    shown = console.export_text()
    assert shown.index("int8-f16") < shown.index("timm fp32") < shown.index("timm int8")
    for expected in (
        "commit abc1234+;",
        "112.0",
        "126.7",
        "2.53",
        "29.8",
        "no such operator",
        "cortex-a53: status 1",
        "9.0 million in other threads",
    ):
        assert expected in shown


def test_a_terminal_has_room_for_all_processors_and_the_longest_names(document: ArmComparison) -> None:
    counts = {cpu: Counted(main=112.0, elsewhere=0.0) for cpu in PROCESSORS}
    rows = tuple(replace(GOOD, name=each.name, runtime=each.engine, counts=counts) for each in contenders())
    console = Console(width=TABLE_COLUMNS, record=True, file=io.StringIO())
    show(replace(document, rows=rows), console)
    assert "…" not in console.export_text()


def test_markdown_has_every_row_and_says_what_fails(
    document: ArmComparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "arm.json"
    file.write_text(json.dumps(to_json(document)))
    monkeypatch.setattr(sys, "argv", ["table", str(file)])
    table.main()
    first, *rest = capsys.readouterr().out.splitlines()
    assert "commit abc1234+; LeViT-demo, 8 calibration images; a count is the mean of 3 inferences" in first
    assert "aarch64 ncnn 1" in first
    assert rest == [
        "",
        "| file | Cortex-A76 | Cortex-A53 | x86-64 | SQNR, dB | agreement, % | MB |",
        "|---|---|---|---|---|---|---|",
        "| **levit-edge `int8-f16.pte`** * | 38.3 | – (a) | 2.53 | 37.6 | 100.0 | 8.2 |",
        "| ncnn, fp32 | 112.0 + 9.0 | – (a) | 2.53 | 126.7 | 100.0 | 29.8 |",
        "| ncnn, int8 | – (b) | – (b) | – (b) | – (b) | – | – |",
        "",
        "* (a) status 1",
        "* (b) failed: no such operator",
    ]


def test_what_was_not_made_is_no_failure(document: ArmComparison) -> None:
    unmade = replace(BAD, made=NOT_MADE)
    lines = table.markdown(replace(document, rows=(GOOD, unmade))).splitlines()
    assert lines[5:] == ["| ncnn, int8 | – | – | – | – | – | – |", "", "* (a) status 1"]


def test_markdown_has_no_column_for_times_that_were_not_taken(document: ArmComparison) -> None:
    lines = table.markdown(replace(document, rows=(replace(GOOD, timed=None),))).splitlines()
    assert lines[2:] == [
        "| file | Cortex-A76 | Cortex-A53 | SQNR, dB | agreement, % | MB |",
        "|---|---|---|---|---|---|",
        "| ncnn, fp32 | 112.0 + 9.0 | – (a) | 126.7 | 100.0 | 29.8 |",
        "",
        "* (a) status 1",
    ]

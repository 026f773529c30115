"""What commands show on a real (pseudo) terminal, on dumb and narrow ones, and in pipes."""

import os
import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from levit_edge.cli.show.fitting_table import print_table
from levit_edge.cli.terminal.console import say
from levit_edge.cli.terminal.progress import progress_bars
from tests.cli.pseudo_terminal import on_terminal, screen_lines
from tests.integration.conftest import COMMAND

pytestmark = pytest.mark.release

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")
CURSOR = re.compile(r"\x1b\[(\?25[lh]|[0-9]*[AK])")
BAR = re.compile(r"verify +[━╸╺ ]+ +\d+/32 +[\d.]+/s +\d+:\d\d")


def verify(bundle: Path, photographs: Path) -> tuple[str | Path, ...]:
    return ("verify", bundle, "--evaluation", photographs, "--workers", "0")


@pytest.mark.parametrize("columns", [80, 60])
def test_verify_has_a_bar_with_rate_and_time_and_a_table_that_fits(
    tiny_bundle: Path, labelled_photographs: Path, columns: int
) -> None:
    status, raw = on_terminal(*verify(tiny_bundle, labelled_photographs), columns=columns)
    lines = screen_lines(raw)
    assert status == 0
    assert any(BAR.search(line) for line in lines), lines
    assert CURSOR.search(raw)
    assert COLOUR.search(raw)
    start = next(index for index, line in enumerate(lines) if line.startswith("artifact "))
    for row in lines[start : start + 3]:
        assert len(row) <= columns
        assert "…" not in row.replace(" … ", "")
    assert lines[start + 1].startswith("fp32.onnx ")
    assert lines[start + 2].startswith("int8.onnx ")
    assert ("left out on 60 columns" in raw) == (columns == 60)
    assert any(line.startswith("next: levit-edge bench ") for line in lines)


@pytest.mark.parametrize(
    ("environment", "colours", "bars"),
    [({"NO_COLOR": "1"}, False, True), ({"TERM": "dumb"}, False, False), ({"FORCE_COLOR": "1"}, True, True)],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_the_environment_says_of_the_terminal_is_respected(
    tiny_bundle: Path, labelled_photographs: Path, environment: dict[str, str], colours: bool, bars: bool
) -> None:
    status, raw = on_terminal(*verify(tiny_bundle, labelled_photographs), environment=environment)
    assert status == 0
    assert bool(COLOUR.search(raw)) == colours
    assert bool(CURSOR.search(raw)) == bars
    assert bool(re.search(r"verify 32/32 in [\d.]+ s", raw)) == (not bars)


@pytest.mark.parametrize("forced", [False, True])
def test_pipes_get_no_bars_and_colours_only_if_forced(
    tiny_bundle: Path, labelled_photographs: Path, forced: bool
) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    result = subprocess.run(
        [*COMMAND, *map(str, verify(tiny_bundle, labelled_photographs))],
        check=True,
        capture_output=True,
        text=True,
        env=environment | ({"FORCE_COLOR": "1"} if forced else {}),
    )
    assert re.fullmatch(r"verify 32/32 in [\d.]+ s, [\d.]+/s\n", result.stderr)
    assert ("\x1b[1m" in result.stdout) == forced
    assert not CURSOR.search(result.stdout)


def test_with_json_a_terminal_gets_the_document_and_nothing_else(tiny_bundle: Path, labelled_photographs: Path) -> None:
    status, raw = on_terminal(*verify(tiny_bundle, labelled_photographs), "--json")
    assert status == 0
    assert raw.startswith("{")
    assert raw.rstrip().endswith("}")
    assert "\x1b" not in raw
    status, raw = on_terminal("bench", tiny_bundle, "--runs", "1", "--threads", "1", "--json")
    assert status == 0
    assert raw.startswith("{")
    assert "\x1b" not in raw


def test_bench_has_a_table_that_fits_and_says_what_comes_next(tiny_bundle: Path) -> None:
    for columns in (80, 60):
        status, raw = on_terminal("bench", tiny_bundle, "--runs", "1", "--threads", "1", columns=columns)
        lines = screen_lines(raw)
        assert status == 0
        start = next(index for index, line in enumerate(lines) if line.startswith("artifact "))
        assert all(len(row) <= columns and "…" not in row for row in lines[start : start + 3])
        assert f"next: levit-edge bench {tiny_bundle} --save results" in lines


def test_doctor_keeps_its_columns() -> None:
    status, raw = on_terminal("doctor", columns=80)
    assert status == 0
    lines = [line for line in screen_lines(raw) if line]
    assert all(line[:9].strip() in {"ok", "missing", "problem", ""} for line in lines)
    assert sum(line.startswith(" " * 29) for line in lines) > sum("→" in line for line in lines)  # wrapped ones, too
    assert all(len(line) <= 80 or " " not in line[29:] for line in lines)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_bar_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=columns, file=StringIO(), force_terminal=True)
    monkeypatch.setattr("levit_edge.cli.terminal.progress.stderr", console)
    progress = progress_bars()
    progress.add_task("ssh://pi@raspberrypi.local:2222: check int8.onnx 4 threads", total=1_300_000, completed=999_999)
    with console.capture() as capture:
        console.print(progress.get_renderable())
    line, end = screen_lines(capture.get())
    assert len(line) <= columns
    assert "1.0M/1.3M" in line
    assert end == ""


# --- tables ----------------------------------------------------------------------------------------------------------

HEADINGS = ("artifact", "MiB", "top-1 %", "agree %")
ROWS = (("fp32.onnx", "28.40", "77.50", "–"), ("int8.onnx", "8.85", "77.60", "99.90"))


def printed(columns: int) -> list[str]:
    stream = StringIO()
    print_table(Console(width=columns, file=stream), HEADINGS, {"": ROWS}, left=("artifact",), spare=("agree %", "MiB"))
    return stream.getvalue().splitlines()


def test_a_table_gives_up_blanks_first_and_then_what_can_be_spared() -> None:
    assert printed(80)[:2] == ["artifact     MiB  top-1 %  agree %", "fp32.onnx  28.40    77.50        –"]
    assert printed(32)[:2] == ["artifact    MiB top-1 % agree %", "fp32.onnx 28.40   77.50       –"]
    narrow = printed(26)
    assert narrow[:2] == ["artifact     MiB  top-1 %", "fp32.onnx  28.40    77.50"]
    assert " ".join(narrow[3:]) == "left out on 26 columns: agree %; --json has all"
    assert printed(20)[:2] == ["artifact   top-1 %", "fp32.onnx    77.50"]


def test_where_no_table_fits_every_figure_has_its_line() -> None:
    figures = ["fp32.onnx", "  MiB: 28.40", "  top-1 %: 77.50", "  agree %: –"]
    assert printed(15) == [*figures, "int8.onnx", "  MiB: 8.85", "  top-1 %: 77.60", "  agree %: 99.90"]


@pytest.mark.parametrize("columns", [20, 30])
def test_a_narrow_terminal_cuts_no_figure_and_no_command(
    tiny_bundle: Path, labelled_photographs: Path, columns: int
) -> None:
    """Nor does a pipe whose COLUMNS are few."""
    result = subprocess.run(
        [*COMMAND, *map(str, verify(tiny_bundle, labelled_photographs))],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": str(columns)},
    )
    lines = result.stdout.splitlines()
    assert {"fp32.onnx", "int8.onnx", "  drop pt: 18.75"} <= set(lines)
    assert "…" not in result.stdout.replace(" … ", "")
    assert f"next: levit-edge bench {tiny_bundle}" in lines
    assert f"      levit-edge package {tiny_bundle} --for board" in lines


def test_a_path_in_a_broken_line_stays_whole() -> None:
    stream = StringIO()
    path = "/home/somebody/imagenet-validation/labels-of-all.txt"
    say(f"the labels are those of {path}, which lies beside the images", to=Console(width=30, file=stream), wrap=True)
    assert stream.getvalue().splitlines() == [
        "the labels are those of", f"{path},", "which lies beside the images",
    ]  # fmt: skip


def test_nothing_that_is_said_acts_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Names and texts of bundles and packages are others'."""
    say("\x1b]0;mine\x07 \x9b31m \u202eabc\r äö\nü")
    assert capsys.readouterr().out == "\\x1b]0;mine\\x07 \\x9b31m \\u202eabc\\r äö\nü\n"

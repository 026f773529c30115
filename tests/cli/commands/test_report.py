"""What `levit-edge report` prints, writes and refuses."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.benchmark.files import save
from levit_edge.benchmark.measurement import CoreGroup, Latency, Measurement
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.cli.main import run
from levit_edge.cli.show.board import print_boards
from levit_edge.errors import ExitStatus
from tests.board.example import MEASUREMENT, PI_5, RESULTS, measured, times

Captured = pytest.CaptureFixture[str]
ROCK = replace(
    PI_5,
    model="Radxa ROCK 5B [bold]",
    cores=(
        CoreGroup(name="Cortex-A76", count=4, max_mhz=2256.0),
        CoreGroup(name="Cortex-A55", count=4, max_mhz=1800.0),
    ),
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    save(MEASUREMENT, folder)
    save(measured(device=ROCK, findings=("The board was busy.",)), folder)
    return folder


def printed(*measurements: Measurement) -> list[str]:
    console = Console(width=80, file=StringIO())
    print_boards(comparison_rows(measurements), console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_the_table_fits_80_columns() -> None:
    slow = replace(RESULTS[0], latency_ms=Latency(p50=123456.0, p90=123456.0, p99=123456.0, min=123456.0))
    lines = printed(MEASUREMENT, measured(device=ROCK, results=(slow, *RESULTS[1:])))
    assert max(map(len, lines)) <= 80, lines
    assert lines[0].strip() == "LeViT-128S"
    first = next(line for line in lines if line.startswith("Raspberry Pi 5"))
    assert first.split()[3:] == ["4", "×", "Cortex-A76", "executorch", "1", "20.00", "8.00", "2.50", "2026-10-20"]
    assert "123456" in "".join(lines)
    assert not any("…" in line for line in lines)


def test_float16_has_a_column_where_it_was_measured_and_the_table_still_fits() -> None:
    half = times(Runtime.EXECUTORCH, Precision.INT8_FLOAT16, 5.25)
    lines = printed(measured(results=(*RESULTS, half)), measured(device=ROCK))
    assert max(map(len, lines)) <= 80, lines
    assert [line.split() for line in lines[1:3]] == [
        ["fp32", "int8", "f16"],
        ["board", "cores", "runtime", "thr.", "ms", "ms", "ms", "×", "date"],
    ]
    first = next(line for line in lines if line.startswith("Raspberry"))
    assert first.split()[4:] == ["executorch", "1", "20.00", "8.00", "5.25", "2.50", "2026-10-20"]
    assert not any("…" in line for line in lines)


def test_models_have_tables_of_their_own_and_boards_their_findings() -> None:
    other = measured(model=replace(MEASUREMENT.model, name="demo"), findings=("It was hot.", "It was hot."))
    lines = printed(MEASUREMENT, other)
    assert [line.strip() for line in lines if line.strip() in {"LeViT-128S", "demo"}] == ["LeViT-128S", "demo"]
    assert lines.count(f"{PI_5.model}, 2026-10-20: It was hot.") == 1


def test_each_measurement_names_its_board_once() -> None:
    lines = printed(MEASUREMENT, measured(rounds=7))
    assert sum("Raspberry Pi 5" in line for line in lines) == 2


def test_an_emulated_board_has_no_times() -> None:
    text = " ".join(printed(measured(device=replace(PI_5, emulator="qemu-user"))))
    assert "emulated" in text
    assert "20.00" not in text


def test_a_folder_as_table_page_and_plot(capsys: Captured, results: Path, tmp_path: Path) -> None:
    page, plot = tmp_path / "comparison.html", tmp_path / "comparison.SVG"
    assert run(["report", str(results), "--output", str(page), "--plot", str(plot)]) == ExitStatus.DONE
    out = capsys.readouterr().out
    assert "Radxa ROCK 5B" in out
    assert "[bold], 2026-10-20: The board was busy." in out
    assert f"page: {page}\nplot: {plot}\n" in out
    assert page.read_text().startswith("<!doctype html>")
    assert plot.read_bytes().startswith(b"<?xml")


def test_the_json_is_one_document(capsys: Captured, results: Path) -> None:
    assert run(["report", *map(str, sorted(results.iterdir())), "--json"]) == ExitStatus.DONE
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert len(document["rows"]) == 4
    assert set(document["rows"][0]) == {
        "measurement", "board", "cores", "model", "runtime", "threads", "fp32_ms", "int8_ms",
        "int8_float16_ms", "speedup", "speedup_p25", "speedup_p75", "package", "date", "emulator", "findings",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "RESULT"),
        (["results", "--output", "comparison.pdf"], "comparison.pdf does not end in .html"),
        (["results", "--plot", "comparison.html"], "does not end in .png or .svg"),
        ([".", "--compare", "BUNDLE"], "needs a bundle to compare with"),
        (["BUNDLE", "--compare", "BUNDLE"], "names the same bundle twice"),
        (["BUNDLE", "BUNDLE"], "are bundles, expected one"),
        (["BUNDLE", "--plot", "boards.svg"], "draws measurements of boards, and there are none"),
    ],
)
def test_wrong_usage_is_exit_status_2(
    capsys: Captured, tiny_bundle: Path, arguments: list[str], complaint: str
) -> None:
    words = [str(tiny_bundle) if word == "BUNDLE" else word for word in arguments]
    assert run(["report", *words]) == ExitStatus.USAGE
    captured = capsys.readouterr()
    assert complaint in " ".join(captured.err.split())
    assert captured.out == ""


def test_bad_input_is_exit_status_3_and_one_message(
    capsys: Captured, results: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle_path = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    (bundle_path / "labels.txt").write_text("red\ngreen\nblue\n")
    (results / "damaged.json").write_text("{")
    for path, complaint in (
        (results, "damaged.json"),
        (results / "nowhere", "nowhere does not exist; expected a bundle"),
        (bundle_path, "labels.txt is damaged or was changed"),
    ):
        assert run(["report", str(path), "--output", str(tmp_path / "page.html")]) == ExitStatus.BAD_INPUT
        assert not (tmp_path / "page.html").exists()
        captured = capsys.readouterr()
        assert captured.err.count("error:") == 1
        assert complaint in captured.err
        assert captured.out == ""


def test_a_bundle_gets_a_page_of_its_name(
    capsys: Captured, tiny_bundle: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(tiny_bundle, tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    assert run(["report", str(tiny_bundle), "--compare", str(other), str(results)]) == ExitStatus.DONE
    captured = capsys.readouterr()
    name = f"{tiny_bundle.name}-vs-other-boards.html"
    assert f"page: {name}\n" in captured.out
    assert "Radxa ROCK 5B" in captured.out
    assert "made with other files than those of " in captured.err
    assert ": 2 of 2 measurements." in captured.err
    html = Path(name).read_text()
    assert "Side by side" in html
    assert "On boards" in html


def test_the_json_of_bundles_writes_no_page(
    capsys: Captured, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(tiny_bundle, tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    assert run(["report", str(tiny_bundle), "--compare", str(other), "--json"]) == ExitStatus.DONE
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"schema_version", "rows", "bundles", "identical", "warnings", "differences"}
    assert [each["bundle"] for each in document["bundles"]] == [str(tiny_bundle), str(other)]
    assert document["bundles"][0]["latency"] is None
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_a_page_without_its_libraries_says_what_to_install(
    results: Path, tiny_bundle: Path, tmp_path: Path, missing: str
) -> None:
    code = (
        "import sys\nsys.modules[sys.argv[1]] = None\nfrom levit_edge.cli.main import run\nsys.exit(run(sys.argv[2:]))"
    )
    arguments = ["report", str(tiny_bundle), str(results), "--output", str(tmp_path / "page.html")]
    result = subprocess.run(
        [sys.executable, "-c", code, missing, *arguments], check=False, capture_output=True, text=True
    )
    assert result.returncode == ExitStatus.BAD_INPUT, result.stderr
    assert f"{missing} is not installed: install it with `pip install 'levit-edge[quantize]'`" in result.stderr
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_written_is_bad_input(capsys: Captured, results: Path, tmp_path: Path) -> None:
    assert run(["report", str(results), "--output", str(tmp_path / "no" / "page.html")]) == ExitStatus.BAD_INPUT
    assert "no does not exist, so page.html" in capsys.readouterr().err


def test_the_table_alone_needs_neither_jinja2_nor_matplotlib(results: Path) -> None:
    code = (
        "import sys\nfrom levit_edge.cli.main import run\nassert run(['report', sys.argv[1]]) == 0\n"
        "assert not {'matplotlib', 'jinja2', 'torch', 'onnx', 'onnxruntime'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(results)], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_pages_of_one_bundle_do_not_take_each_others_place(
    tiny_bundle: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone, on boards, beside another, and beside one of the same name."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    one, other, same = (
        str(shutil.copytree(tiny_bundle, tmp_path / name)) for name in ("one", "other", "elsewhere/one")
    )
    boards = str(results)
    for words in ([one], [one, boards], [one, "--compare", other], [one, "--compare", same]):
        assert run(["report", *words]) == ExitStatus.DONE
    assert run(["report", one, boards, "--compare", other]) == ExitStatus.DONE
    beside = ["one-vs-elsewhere-one.html", "one-vs-other-boards.html", "one-vs-other.html"]
    pages = ["one-boards.html", "one-report.html", *beside]
    assert sorted(path.name for path in Path().iterdir()) == pages

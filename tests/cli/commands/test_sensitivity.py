"""What `levit-edge sensitivity` prints and refuses; the measuring is tested in tests/quantize."""

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.cli.main import run
from levit_edge.cli.show.sensitivity import by_cost, print_sensitivity, suggestions
from levit_edge.errors import ExitStatus
from levit_edge.quantize.analysis import sensitivity as library
from levit_edge.quantize.analysis.sensitivity import Sensitivity
from levit_edge.report.command_line import Asked
from tests.quantize.analysis.sensitivity_example import example, row

Captured = pytest.CaptureFixture[str]
MEASURED = example(
    row("stem.conv1", 30.0, 52.0, LayerScheme.DYNAMIC),
    row("blocks.10.down", 42.0, 43.0),
    row("blocks.10.proj", 45.0, 60.0),
    row("blocks.2.q", 49.0),
    row("head", 20.0, 25.0, LayerScheme.FLOAT),
)
ROW_KEYS = {"layer", "kind", "planned", "multiply_adds", "weights", "activations", "static", "dynamic", "times"}
NOISE_KEYS = {"relative", "sqnr_db", "agreement", "drop_pt", "flips_lost", "flips_gained"}


ASKED = Asked(model="demo", recipe=Recipe(seed=3))


def printed(measured: Sensitivity, rows: int = 20) -> list[str]:
    console = Console(width=80, file=StringIO())
    print_sensitivity(measured, console, rows=rows, asked=ASKED)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks the library for, which answers at once."""
    arguments: dict[str, Any] = {}

    def measure(checkpoint: str | None, **others: Any) -> Sensitivity:
        arguments.update(others, checkpoint=checkpoint)
        return MEASURED

    monkeypatch.setattr(library, "sensitivity", measure)
    return arguments


def test_layers_are_sorted_by_what_they_cost_as_planned() -> None:
    assert [layer.layer for layer in by_cost(MEASURED)] == [
        "blocks.10.down", "blocks.10.proj", "blocks.2.q", "stem.conv1", "head"
    ]  # fmt: skip


def test_the_table_fits_80_columns() -> None:
    lines = printed(MEASURED)
    assert max(map(len, lines)) <= 80, lines
    assert [line.split()[0] for line in lines[2:7]] == [layer.layer for layer in by_cost(MEASURED)]
    first = lines[2].split()
    assert first == ["blocks.10.down", "55.5", "120.5", "42.0", "42.0*", "43.0", "100.0", "12/13", "+1.000", "+0.250"]
    assert "52.0*" in next(line for line in lines if line.startswith("stem.conv1"))
    assert "5 of 5 layers" in lines[7]
    assert len(printed(MEASURED, rows=2)) == len(lines) - 3
    timeless = printed(example(row("head", 40.0, timed=False)))
    assert max(map(len, timeless)) <= 80


def test_without_times_and_labels_the_table_says_so() -> None:
    lines = printed(example(row("head", 40.0, timed=False, labelled=False)))
    text = " ".join(" ".join(lines).split())
    assert "+ms" not in text
    assert "The images have no labels: flips were not measured." in text
    assert "float top-1" not in text


def test_what_to_do_next_is_what_removes_the_most_noise() -> None:
    (dynamic, _, share), (in_float, _, whole) = suggestions(MEASURED)
    assert dynamic.layer == "blocks.10.proj"  # almost all of its noise; of the loudest layer dynamic removes a fifth
    assert in_float.layer == "blocks.10.down"
    assert 0 < share < whole < 1
    text = " ".join(printed(MEASURED))
    assert "--dynamic-layer blocks.10.proj" in text
    assert "--float-layer blocks.10.down" in text
    assert "next: levit-edge quantize --model demo --seed 3 with one of" in text
    assert suggestions(example(row("head", None))) == []


def test_where_no_layer_stands_out_the_command_is_that_of_the_same_network() -> None:
    text = " ".join(printed(example(*(row(f"blocks.{place}.q", 50.0, 49.0) for place in range(60)))))
    assert "next: levit-edge quantize --model demo --seed 3 as it is: no single layer stands out" in text


def test_the_json_is_the_documented_one(capsys: Captured, asked: dict[str, Any]) -> None:
    assert run(["sensitivity", "--model", "demo", "--json"]) == ExitStatus.DONE
    document = json.loads(capsys.readouterr().out)
    assert {"schema_version", "samples", "top1", "all_static", "as_planned", "layers", "host"} <= set(document)
    assert len(document["layers"]) == 5
    for layer in document["layers"]:
        assert set(layer) == ROW_KEYS
        assert set(layer["static"]) == NOISE_KEYS
    assert document["layers"][0]["times"]["float"] == {"median_ms": 1.5, "minimum_ms": 1.0}
    assert asked["options"].limit == 128
    assert asked["costs"] is True
    assert asked["recipe"] == Recipe()


def test_options_reach_the_library(capsys: Captured, asked: dict[str, Any], tmp_path: Path) -> None:
    plot, checkpoint = tmp_path / "costs.svg", tmp_path / "w.pth"
    checkpoint.touch()
    arguments = [
        "--model",
        "128S",
        "--checkpoint",
        str(checkpoint),
        "--images",
        "7",
        "--no-times",
        "--no-equalize",
        "--seed",
        "3",
    ]
    assert run(["sensitivity", *arguments, "--top", "1", "--plot", str(plot)]) == ExitStatus.DONE
    captured = capsys.readouterr()
    assert "1 of 5 layers" in captured.out
    assert f"plot: {plot}" in captured.out
    assert plot.read_bytes().startswith(b"<?xml")
    assert (asked["size"], asked["checkpoint"]) == ("128S", str(checkpoint))
    assert (asked["options"].limit, asked["costs"]) == (7, False)
    assert asked["recipe"] == Recipe(equalize=False, seed=3)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give --model"),
        (["--model", "512"], "'512' is not a LeViT size"),
        (["--model", "demo", "--images", "0"], "--images"),
        (["--model", "demo", "--plot", "costs.pdf"], "costs.pdf does not end in .png or .svg"),
        (["--model", "demo", "--plot", "costs"], "--plot"),
    ],
)
def test_wrong_usage_is_exit_status_2_before_any_work(
    capsys: Captured, asked: dict[str, Any], arguments: list[str], complaint: str
) -> None:
    assert run(["sensitivity", *arguments]) == ExitStatus.USAGE
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.out == ""
    assert asked == {}


def test_a_plot_that_cannot_be_written_is_bad_input_before_any_work(
    capsys: Captured, asked: dict[str, Any], tmp_path: Path
) -> None:
    plot = tmp_path / "nowhere" / "costs.png"
    assert run(["sensitivity", "--model", "demo", "--plot", str(plot)]) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1
    assert "nowhere does not exist" in captured.err
    assert asked == {}


def test_bad_input_is_exit_status_3_and_one_message(capsys: Captured, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pth"
    plot = tmp_path / "costs.png"
    assert run(["sensitivity", "--checkpoint", str(missing), "--plot", str(plot)]) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1
    assert "missing.pth" in captured.err
    assert list(tmp_path.iterdir()) == []


def test_help_loads_no_matplotlib() -> None:
    code = (
        "import sys\nfrom levit_edge.cli.main import run\nassert run(['sensitivity', '--help']) == 0\n"
        "assert not {'matplotlib', 'torch'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_what_was_passed_over_is_told_once_for_each_source() -> None:
    images = replace(MEASURED.images, source="val", passed_over={"HEIC": 3, "no image": 1})
    (told,) = [line for line in printed(replace(MEASURED, images=images, calibration=images)) if "passed over" in line]
    assert told.startswith("val: 4 files passed over: 3 HEIC, 1 no image; convert HEIC, ")

"""`levit-edge sensitivity` as a user runs it, on the embedded demo."""

import json
from pathlib import Path

import pytest

from tests.integration.conftest import hidden, levit_edge

pytestmark = pytest.mark.export


def test_the_demo(tmp_path: Path) -> None:
    plot = tmp_path / "costs.svg"
    arguments = ("sensitivity", "--model", "demo", "--images", "10", "--no-times", "--weight-rounding", "nearest")
    run = levit_edge(*arguments, "--plot", plot, "--json")
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    assert document["schema_version"] == 1
    assert document["samples"] == 10
    assert len(document["layers"]) == 47
    assert {layer["times"] for layer in document["layers"]} == {None}
    assert 25 < document["all_static"]["sqnr_db"] < 45
    assert 25 < document["as_planned"]["sqnr_db"] < 45
    assert plot.read_bytes().startswith(b"<?xml")
    assert hidden(tmp_path) == []


def test_a_folder_of_another_number_of_classes_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "images" / "only").mkdir(parents=True)
    run = levit_edge(
        "sensitivity", "--model", "demo", "--evaluation", tmp_path / "images", "--plot", tmp_path / "costs.png"
    )
    assert run.returncode == 3
    assert run.stderr.count("error:") == 1
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["images"]

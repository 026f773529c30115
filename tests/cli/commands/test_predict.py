"""`levit-edge predict` on many photographs: which, in which form, and what becomes of those that cannot be read."""

import csv
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus

Captured = pytest.CaptureFixture[str]


def predicted(capsys: Captured, *arguments: object, status: int = 0) -> tuple[str, str]:
    assert run(["predict", *map(str, arguments)]) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.fixture
def with_bad(labelled_photographs: Path, tmp_path: Path) -> list[Path]:
    """Two photographs with an empty file between them."""
    (tmp_path / "bad.png").touch()
    first, last = sorted(labelled_photographs.glob("green/*"))[:2]
    return [first, tmp_path / "bad.png", last]


def test_a_folder_gives_a_result_for_each_photograph_and_a_rate(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path
) -> None:
    out, err = predicted(capsys, tiny_bundle, labelled_photographs, "--top", 1)
    names = [line for line in out.splitlines() if not line.startswith(" ")]
    assert names == [str(path) for path in sorted(labelled_photographs.glob("*/*"))]
    assert re.fullmatch(r"32 photographs in [\d.]+ s: [\d.]+ images/s\n", err)


def test_csv_has_a_row_for_each_guess_and_one_for_what_cannot_be_read(
    capsys: Captured, tiny_bundle: Path, with_bad: list[Path]
) -> None:
    out, err = predicted(capsys, tiny_bundle, *with_bad, "--top", 2, "--format", "csv", status=3)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["image"], row["rank"]) for row in rows] == [
        (str(with_bad[0]), "1"), (str(with_bad[0]), "2"), (str(with_bad[1]), ""),
        (str(with_bad[2]), "1"), (str(with_bad[2]), "2"),
    ]  # fmt: skip
    assert (rows[0]["label"], rows[0]["turned"], rows[0]["error"]) == ("green", "0", "")
    assert rows[2]["error"] == "an empty file"
    assert f"error: {with_bad[1]}: an empty file\n" in err


def test_json_lines_are_an_object_each(capsys: Captured, tiny_bundle: Path, with_bad: list[Path]) -> None:
    out, _ = predicted(capsys, tiny_bundle, *with_bad, "--top", 1, "--format", "jsonl", status=3)
    objects: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert [each["image"] for each in objects] == [str(path) for path in with_bad]
    assert [set(each) for each in objects] == [{"image", "guesses", "turned"}, {"image", "error"}, set(objects[0])]
    assert objects[0]["guesses"][0]["label"] == "green"


def test_the_document_has_what_cannot_be_read(capsys: Captured, tiny_bundle: Path, with_bad: list[Path]) -> None:
    out, err = predicted(capsys, tiny_bundle, *with_bad, "--json", status=3)
    document = json.loads(out)
    assert [each["image"] for each in document["results"]] == [str(with_bad[0]), str(with_bad[2])]
    assert document["errors"] == [{"image": str(with_bad[1]), "error": "an empty file"}]
    assert err == f"error: {with_bad[1]}: an empty file\n"


def test_bad_ones_can_be_left_out_unless_all_are(capsys: Captured, tiny_bundle: Path, with_bad: list[Path]) -> None:
    missing = with_bad[1].with_name("missing.png")
    out, err = predicted(capsys, tiny_bundle, *with_bad, missing, "--skip-bad-images")
    assert len([line for line in out.splitlines() if not line.startswith(" ")]) == 2
    assert "warning: left out: 2 of 4 photographs cannot be read:" in err
    out, err = predicted(capsys, tiny_bundle, with_bad[1], missing, "--skip-bad-images", status=ExitStatus.BAD_INPUT)
    assert out == ""
    assert "error: 2 of 2 photographs cannot be read:" in err


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl", "all.json", "all.txt"])
def test_a_file_appears_whole_in_the_form_of_its_ending(
    capsys: Captured, tiny_bundle: Path, with_bad: list[Path], tmp_path: Path, name: str
) -> None:
    form = {"txt": "text"}.get(name[4:], name[4:])
    expected, _ = predicted(capsys, tiny_bundle, with_bad[0], "--format", form)
    out, _ = predicted(capsys, tiny_bundle, with_bad[0], "--output", tmp_path / name)
    assert (out, (tmp_path / name).read_text("utf-8")) == ("", expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "bad.png"] or name < "bad.png"
    assert not list(tmp_path.glob(".*partial*"))


def test_a_run_that_fails_leaves_an_older_file(
    capsys: Captured, bundle_path: Path, with_bad: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "all.csv").write_text("older")
    (bundle_path / "int8.onnx").write_bytes(b"damaged")
    predicted(capsys, bundle_path, with_bad[0], "--output", tmp_path / "all.csv", status=3)
    assert (tmp_path / "all.csv").read_text() == "older"


@pytest.mark.parametrize("listed", [False, True])
def test_standard_input_is_a_picture_or_with_a_list_its_names(
    tiny_bundle: Path, with_bad: list[Path], listed: bool
) -> None:
    code = "import sys\nfrom levit_edge.cli.main import main\nmain(sys.argv[1:])"
    words = ["--from-file", "-"] if listed else ["-"]
    given = f"{with_bad[0]}\0".encode() if listed else with_bad[0].read_bytes()
    command = [sys.executable, "-c", code, "predict", str(tiny_bundle), *words, "--format", "jsonl", "--top", "1"]
    done = subprocess.run(command, input=given, capture_output=True, check=True)
    (found,) = map(json.loads, done.stdout.splitlines())
    assert found["image"] == (str(with_bad[0]) if listed else "standard input")
    assert found["guesses"][0]["label"] == "green"


def test_any_number_of_processes_says_the_same(capsys: Captured, tiny_bundle: Path, labelled_photographs: Path) -> None:
    one, two = (
        predicted(capsys, tiny_bundle, labelled_photographs, "--workers", workers, "--format", "jsonl")[0]
        for workers in (1, 2)
    )
    assert one == two


def test_what_is_passed_over_is_said(capsys: Captured, tiny_bundle: Path, with_bad: list[Path]) -> None:
    folder = with_bad[1].parent / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(with_bad[0].read_bytes() if with_bad[0].suffix == ".png" else b"")
    (folder / "b.heic").touch()
    _, err = predicted(capsys, tiny_bundle, with_bad[0], folder, "--skip-bad-images")
    assert f"note: {folder}: 1 file passed over: 1 HEIC" in err


def test_what_is_read_is_not_written_over(
    capsys: Captured, bundle_path: Path, with_bad: list[Path], tmp_path: Path
) -> None:
    own = tmp_path / "own.txt"
    own.write_bytes(with_bad[0].read_bytes())
    (tmp_path / "list.txt").write_text(str(with_bad[0]))
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        archive.add(with_bad[0], "x/a.png")
    cases: list[tuple[Path, list[object]]] = [
        (own, [own]),
        (tmp_path / "list.txt", ["--from-file", tmp_path / "list.txt"]),
        (tmp_path / "some.tar", [tmp_path / "some.tar", "--format", "csv"]),
        (bundle_path / "manifest.json", [with_bad[0]]),
    ]
    for output, words in cases:
        before = output.read_bytes()
        _, err = predicted(capsys, bundle_path, *words, "--output", output, status=3)
        assert "would take its place" in err
        assert output.read_bytes() == before


def test_json_and_another_form_contradict_each_other(capsys: Captured, tiny_bundle: Path, with_bad: list[Path]) -> None:
    _, err = predicted(capsys, tiny_bundle, with_bad[0], "--json", "--format", "csv", status=2)
    assert "--json is --format json, and not csv" in err


def test_a_name_does_not_act_on_the_terminal_that_it_is_said_on(
    capsys: Captured, tiny_bundle: Path, with_bad: list[Path], tmp_path: Path
) -> None:
    evil = tmp_path / "e\x1b[31m.png"
    evil.touch()
    _, err = predicted(capsys, tiny_bundle, with_bad[0], evil, status=3)
    assert "e\\x1b[31m.png: an empty file" in err
    assert "\x1b" not in err

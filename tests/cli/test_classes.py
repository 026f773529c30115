"""The pairing of folders with a bundle's classes, as a user meets it: the same figures whatever they are called."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus
from tests.cli.test_output import Captured, json_of


def renamed(source: Path, target: Path, names: Mapping[str, str]) -> Path:
    for old, new in names.items():
        shutil.copytree(source / old, target / new)
    return target


def top1s(capsys: Captured, bundle: Path, images: Path, *options: object) -> tuple[list[float], dict[str, object]]:
    document = json_of(capsys, "verify", bundle, "--evaluation", images, "--runtime", "onnxruntime", *options)
    return [result["top1"] for result in document["results"]], document["classes"]


def test_names_in_other_forms_and_orders_are_the_same_classes(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    expected, by_name = top1s(capsys, tiny_bundle, labelled_photographs)
    assert by_name == {"rule": "class names", "labels": 3, "outputs": 3}
    others = renamed(labelled_photographs, tmp_path / "images", {"red": "RED", "green": "Green", "blå": "Blå"})
    found, classes = top1s(capsys, tiny_bundle, others)
    assert found == expected
    assert classes == {"rule": "class names in normal form", "labels": 3, "outputs": 3}


def test_a_table_pairs_what_no_rule_can(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    expected, _ = top1s(capsys, tiny_bundle, labelled_photographs)
    others = renamed(labelled_photographs, tmp_path / "images", {"red": "zz", "green": "yy", "blå": "xx"})
    assert run(["verify", str(tiny_bundle), "--evaluation", str(others)]) == ExitStatus.BAD_INPUT
    message = " ".join(capsys.readouterr().err.split())
    assert "Labels: xx, yy, zz. Classes: red, green, blå." in message
    assert "--classes FILE" in message
    (tmp_path / "classes.csv").write_text("zz,0\nyy,1\nxx,2\n")
    found, classes = top1s(capsys, tiny_bundle, others, "--classes", tmp_path / "classes.csv")
    assert found == expected
    assert classes == {"rule": "the table of classes", "labels": 3, "outputs": 3}


def test_a_table_is_named_with_its_hash(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    table = tmp_path / "classes.csv"
    table.write_text("red,0\ngreen,1\nblå,2\n")
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    arguments = ["verify", tiny_bundle, "--evaluation", labelled_photographs, "--runtime", "onnxruntime", "--classes"]
    document = json_of(capsys, *arguments, table)
    none = {"labels": None, "devkit": None, "only": None}
    assert document["images"]["tables"] == {"classes": {"path": str(table), "sha256": sha256}, **none}
    assert (document["checkpoint"]["entry"], document["preprocessing"]["resize"]) == (None, 32)
    assert run([*map(str, arguments), str(table)]) == ExitStatus.DONE
    assert f"--classes {table} (SHA-256 {sha256[:16]}…)" in " ".join(capsys.readouterr().out.split())


def test_images_of_some_classes_are_measured(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    some = renamed(labelled_photographs, tmp_path / "images", {"blå": "blå"})
    document = json_of(capsys, "verify", tiny_bundle, "--evaluation", some, "--runtime", "onnxruntime")
    assert document["samples"] == 6
    assert document["classes"] == {"rule": "class names", "labels": 1, "outputs": 3}


def test_the_pairing_is_printed(capsys: Captured, tiny_bundle: Path, labelled_photographs: Path) -> None:
    assert run(["verify", str(tiny_bundle), "--evaluation", str(labelled_photographs), "--runtime", "onnxruntime"]) == 0
    assert "3 of 3 classes, paired by class names" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["red\ngreen\n", json.dumps({"red": 0, "green": 1, "blå": 7})])
def test_a_table_that_does_not_fit_is_one_message(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path, content: str
) -> None:
    table = tmp_path / ("classes.json" if content.startswith("{") else "classes.txt")
    table.write_text(content)
    arguments = ["verify", tiny_bundle, "--evaluation", labelled_photographs, "--classes", table]
    assert run([*map(str, arguments)]) == ExitStatus.BAD_INPUT
    assert capsys.readouterr().err.count("error:") == 1


def test_a_table_that_contradicts_the_bundles_labels_is_refused(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    """`predict` and packages would go on naming the wrong classes."""
    (tmp_path / "other.txt").write_text("green\nred\nblå\n", encoding="utf-8")
    arguments = ["verify", tiny_bundle, "--evaluation", labelled_photographs, "--classes", tmp_path / "other.txt"]
    assert run([*map(str, arguments)]) == ExitStatus.BAD_INPUT
    said = " ".join(capsys.readouterr().err.split())
    assert "--classes says that output 0 is 'green', and the bundle's labels.txt that it is 'red'" in said


def test_a_wrong_order_is_poor_and_fails_the_gate_unless_that_is_allowed(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    images = renamed(labelled_photographs, tmp_path / "images", {"red": "a", "green": "b", "blå": "c"})
    (tmp_path / "wrong.csv").write_text("a,1\nb,2\nc,0\n")
    arguments = ["verify", tiny_bundle, "--evaluation", images, "--runtime", "onnxruntime"]
    arguments += ["--classes", tmp_path / "wrong.csv", "--max-drop", "100"]
    words = [*map(str, arguments)]
    assert run(words) == ExitStatus.GATE_FAILED
    seen = " ".join(capsys.readouterr().out.split())
    assert "no better than chance among 3 classes" in seen
    assert "Likely causes: labels of another order of classes (--classes FILE says the right one)" in seen
    assert "next:" not in seen
    assert "gate FAILED: fp32's accuracy cannot be right" in seen
    assert run([*words, "--allow-poor-fp32"]) == ExitStatus.DONE
    assert "that fp32's accuracy cannot be right is allowed" in " ".join(capsys.readouterr().out.split())


def test_few_images_pass_with_a_warning_unless_the_interval_counts(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path
) -> None:
    words = ["verify", str(tiny_bundle), "--evaluation", str(labelled_photographs), "--max-drop", "20"]
    assert run(words) == ExitStatus.DONE
    assert "gate passed: the drop is at most 20 points; but 32 images are too few" in " ".join(
        capsys.readouterr().out.split()
    )
    assert run([*words, "--gate-on", "interval"]) == ExitStatus.GATE_FAILED
    assert "gate FAILED: the upper end of the drop's 95 % interval is more than 20" in " ".join(
        capsys.readouterr().out.split()
    )

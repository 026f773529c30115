"""What `levit-edge verify` and `levit-edge predict` say of the images."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def photographs(labelled_photographs: Path, tmp_path: Path) -> Path:
    """With what is passed over, and one that lies on its side."""
    copies = shutil.copytree(labelled_photographs, tmp_path / "val")
    for name in ("red/a.heic", "red/b.HEIC", "green/c.heif", "notes.txt"):
        (copies / name).touch()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40), (200, 0, 0)).save(copies / "red" / "lying.jpg", exif=exif)
    return copies


def test_counts_are_printed_and_in_the_json(tiny_bundle: Path, photographs: Path, capsys: Captured) -> None:
    assert run(["verify", str(tiny_bundle), "--evaluation", str(photographs), "--runtime", "onnxruntime"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"{photographs}: 4 files passed over: 3 HEIC, 1 no image" in out
    assert "33 images; " in out
    command = ["verify", str(tiny_bundle), "--evaluation", str(photographs), "--runtime", "onnxruntime", "--json"]
    assert run(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["images"]["passed_over"] == {"HEIC": 3, "no image": 1}
    assert document["exif"] is False


def test_turning_is_said_with_the_figures(tiny_bundle: Path, photographs: Path, capsys: Captured) -> None:
    command = ["verify", str(tiny_bundle), "--evaluation", str(photographs), "--runtime", "onnxruntime", "--exif"]
    assert run(command) == 0
    assert "33 images, turned the way up that their EXIF says; " in " ".join(capsys.readouterr().out.split())
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exif"] is True


def test_predict_says_what_it_turned(tiny_bundle: Path, photographs: Path, capsys: Captured) -> None:
    images = [str(photographs / "red" / name) for name in ("lying.jpg", "00.jpg")]
    assert run(["predict", str(tiny_bundle), *images]) == 0
    names = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert names == [f"{images[0]} (turned as its EXIF says)", images[1]]
    assert run(["predict", str(tiny_bundle), *images, "--no-exif"]) == 0
    assert "EXIF" not in capsys.readouterr().out
    assert run(["predict", str(tiny_bundle), *images, "--json"]) == 0
    assert [each["turned"] for each in json.loads(capsys.readouterr().out)["results"]] == [True, False]


def test_a_package_has_no_images_to_turn(tmp_path: Path, capsys: Captured) -> None:
    assert run(["verify", str(tmp_path / "x.zip"), "--exif"]) == ExitStatus.USAGE
    assert "--exif" in capsys.readouterr().err

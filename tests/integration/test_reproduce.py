"""The command that a report gives makes the bundle that it is about: all that was decided, and the same files."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from markupsafe import escape

from levit_edge import demo
from levit_edge.bundle.kinds import GateOn
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.documents import to_json
from levit_edge.errors import ExitStatus
from levit_edge.report.reproduce import quantize_command, verify_command
from tests.faults.tiny_levit import SMALL, write_checkpoint

pytestmark = pytest.mark.export
BARE = ("--no-bench", "--no-thumbnails")
CLASSES = sorted(folder.name for folder in demo.evaluation_dir().iterdir() if folder.is_dir())


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of `quantize`, each of which changes what comes out, with paths as they look from `tmp_path`."""
    state = torch.load(write_checkpoint(tmp_path / "one.pth", config=SMALL))["model"]
    torch.save({"model": {key: value * 0.5 for key, value in state.items()}, "model_ema": state}, tmp_path / "two.pth")
    rows = []
    (tmp_path / "my images").mkdir()
    for place, name in enumerate(CLASSES):
        for image in sorted((demo.evaluation_dir() / name).iterdir())[:3]:
            shutil.copy(image, tmp_path / "my images")
            rows.append(f"{image.name},kind {place}")
    listed = [f"{name}/{image.name}" for name in CLASSES for image in sorted((demo.calibration_dir() / name).iterdir())]
    (tmp_path / "labels.csv").write_text("\n".join(["file,class", *rows]))
    (tmp_path / "classes.csv").write_text("".join(f"kind {place},{place}\n" for place in range(len(CLASSES))))
    (tmp_path / "only.txt").write_text("\n".join(listed[::10]))
    monkeypatch.chdir(tmp_path)
    return [
        *("--checkpoint", "two.pth", "--weights", "model_ema", "--calibration", str(demo.calibration_dir())),
        *("--evaluation", "my images", "--labels", "labels.csv", "--classes", "classes.csv", "--only", "only.txt"),
        *("--crop", "0.9", "--interpolation", "lanczos", "--mean", "0.5,0.45,0.4", "--std", "0.25,0.25,0.3"),
        *("--max-drop", "99.5", "--gate-on", "interval", "--allow-poor-fp32", "--limit", "26"),
        *("--calibration-images", "9", "--seed", "3", "--weight-rounding", "nearest", "--float-layer", "head"),
        "--no-float16",
    ]


def decided(bundle: Bundle) -> dict[str, Any]:
    """The manifest without what is otherwise in each run: times, and the report, which has them."""
    document: dict[str, Any] = json.loads(json.dumps(to_json(bundle.manifest)))
    for name in ("created_utc", "stages"):
        del document[name]
    for name in ("report.html", "evidence.json"):
        del document["files"][name]
    for result in document["verification"]["results"]:
        del result["images_per_second"]
    return document


def test_the_command_of_a_report_makes_the_bundle_again(inputs: list[str]) -> None:
    assert run(["quantize", *inputs, "--output", "first", *BARE]) == ExitStatus.DONE
    first = Bundle.open(Path("first"))
    manifest = first.manifest
    assert manifest.checkpoint.entry == "model_ema"
    assert manifest.warnings[0].startswith("two.pth holds several LeViTs: model_ema was taken;")
    assert manifest.verification.gate.on is GateOn.INTERVAL
    assert manifest.verification.labelled
    hidden = {"…/calibration": str(demo.calibration_dir())}  # an absolute path, which is not passed on
    command = [hidden.get(word, word) for word in shlex.split(" ".join(quantize_command(manifest, 26)))]
    assert set(hidden.values()) <= set(command)
    told = [(Path("first") / name).read_text() for name in ("manifest.json", "report.html", "evidence.json")]
    assert not [text for text in told if str(demo.calibration_dir().parent) in text]
    page = (Path("first") / "report.html").read_text()
    for part in quantize_command(manifest, 26):
        assert f"<span>{escape(part)}</span>" in page
    shutil.rmtree("first")
    assert run([*command[1:], "--output", "again", *BARE]) == ExitStatus.DONE
    assert decided(Bundle.open(Path("again"))) == decided(first)
    figures = verify_command(manifest, 26)
    assert figures is not None
    assert run(shlex.split(figures.replace("BUNDLE", "again"))[1:]) == ExitStatus.DONE

"""The recipe's options: every command has them all, and reads what the reports and hints spell with them."""

import json
import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from levit_edge.bundle.manifest import Gate
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import (
    OnnxAttention,
    RangeMethod,
    Recipe,
    Scheme,
    Target,
    WeightRounding,
    option_words,
    recipe_options,
)
from levit_edge.cli.main import run
from levit_edge.data.options import PreprocessingChanges
from levit_edge.documents import to_json
from levit_edge.errors import ExitStatus
from levit_edge.quantize import pipeline
from levit_edge.quantize.analysis import sensitivity as analysis
from levit_edge.system.progress import Stages
from tests.quantize.analysis.sensitivity_example import example, row

Captured = pytest.CaptureFixture[str]
OTHER = Recipe(
    calibration_images=7,
    seed=3,
    scheme=Scheme.STATIC,
    dynamic_layers=("head", "*.proj"),
    float_layers=("stem.*",),
    int8_attention=("blocks.0",),
    target=Target.X86_64,
    onnx_attention=OnnxAttention.FUSED,
    float16=False,
    onnx_float16=False,
    equalize=False,
    weight_rounding=WeightRounding.NEAREST,
    bias_correction=True,
    range_method=RangeMethod.MSE,
    percentile=99.5,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, recorded_stages: Bundle) -> dict[str, Any]:
    """What the commands ask the library for, which answers at once: `quantize` with a gate that failed."""
    arguments: dict[str, Any] = {}

    def measure(checkpoint: str | None, **others: Any) -> analysis.Sensitivity:
        arguments.update(others, checkpoint=checkpoint)
        return example(row("head", 40.0))

    def make(checkpoint: str | None, **others: Any) -> Bundle:
        arguments.update(others, checkpoint=checkpoint)
        return recorded_stages

    monkeypatch.setattr(analysis, "sensitivity", measure)
    monkeypatch.setattr(pipeline, "quantize", make)
    return arguments


@pytest.fixture
def recorded_stages(tiny_bundle: Path) -> Bundle:
    bundle = Bundle.open(tiny_bundle)
    stage = Stages(None)
    with stage.stage("quantize"):
        pass
    failed = replace(bundle.manifest.verification, gate=Gate(max_drop_pt=0.1, passed=False))
    manifest = replace(bundle.manifest, verification=failed, stages=tuple(stage.records))
    return Bundle(bundle.path, manifest)


def test_every_field_of_a_recipe_is_an_option() -> None:
    options = [each.field for each in recipe_options()]
    assert options == [field.name for field in fields(Recipe) if field.name != "schema_version"]
    assert not [name for name in options if getattr(OTHER, name) == getattr(Recipe(), name)]


@pytest.mark.parametrize("recipe", [OTHER, Recipe()])
@pytest.mark.parametrize("command", ["quantize", "sensitivity"])
def test_a_recipe_survives_the_command_line(asked: dict[str, Any], command: str, recipe: Recipe) -> None:
    words = [word for option in option_words(recipe) for word in option]
    run([command, "--model", "demo", *words])
    assert asked["recipe"] == recipe


def test_the_hint_after_a_failed_gate_looks_at_the_same_model(
    asked: dict[str, Any], capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my weights.pth").touch()
    Path("train").mkdir()
    Path("val").mkdir()
    Path("kit").mkdir()
    for table in ("val.txt", "c.csv", "500"):
        Path(table).write_text("a\n")
    words = [word for option in option_words(OTHER) for word in option]
    inputs = ["--model", "128S", "--checkpoint", "my weights.pth", "--calibration", "train", "--evaluation", "val"]
    inputs += [
        "--weights",
        "model_ema",
        "--labels",
        "val.txt",
        "--devkit",
        "kit",
        "--classes",
        "c.csv",
        "--only",
        "500",
    ]
    changes = [
        "--resize",
        "40",
        "--crop",
        "squash",
        "--interpolation",
        "lanczos",
        "--mean",
        "0.5,0,1",
        "--std",
        "1,1,1",
    ]
    common = [*inputs, *changes, "--skip-bad-images"]
    assert run(["quantize", *common, *words, "--max-drop", "0.1"]) == ExitStatus.GATE_FAILED
    hint = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("next: "))
    keys = ("checkpoint", "size", "weights", "calibration", "evaluation", "options", "recipe")
    of_quantize = {key: asked.pop(key) for key in keys}
    asked.clear()
    run(shlex.split(hint.removeprefix("next: "))[1:])
    asked["options"] = replace(asked["options"], limit=None)  # `sensitivity` looks at 128 images unless told
    assert {key: asked[key] for key in keys} == of_quantize
    assert of_quantize["recipe"] == OTHER
    assert of_quantize["options"].preprocessing == PreprocessingChanges(
        resize=40, crop="squash", interpolation="lanczos", mean=(0.5, 0.0, 1.0), std=(1.0, 1.0, 1.0)
    )


@pytest.mark.parametrize("command", ["quantize", "sensitivity"])
def test_preprocessing_of_a_bundle(asked: dict[str, Any], capsys: Captured, command: str, tiny_bundle: Path) -> None:
    assert run([command, "--model", "demo", "--preprocessing", str(tiny_bundle), "--resize", "40"]) in {None, 0, 4}
    changes = asked.pop("options").preprocessing
    assert changes == PreprocessingChanges(bundle=str(tiny_bundle), resize=40)
    assert changes.option_words() == [("--preprocessing", str(tiny_bundle)), ("--resize", "40")]
    asked.clear()
    capsys.readouterr()
    assert run([command, "--model", "demo", "--preprocessing", str(tiny_bundle.parent)]) == ExitStatus.BAD_INPUT
    assert "has no manifest.json; expected a bundle" in " ".join(capsys.readouterr().err.split())
    assert asked == {}


@pytest.mark.parametrize("command", ["quantize", "sensitivity"])
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--crop", "border"), "crop is 'border', expected center, squash or a fraction from 0.1 to 1."),
        (("--crop", "1.5"), "crop is '1.5', expected center, squash or a fraction from 0.1 to 1."),
        (("--crop", "nan"), "crop is 'nan'"),
        (("--crop", "0.9", "--resize", "248"), "resize 248 and crop 0.9 both say how large images are made: give one."),
        (("--interpolation", "nearest"), "interpolation is 'nearest', expected one of bicubic, bilinear, lanczos."),
        (("--mean", "0.5"), "'0.5' is not three numbers such as 0.5,0.5,0.5."),
        (("--std", "a,b,c"), "'a,b,c' is not three numbers such as 0.5,0.5,0.5."),
    ],
)
def test_wrong_preprocessing_options(
    asked: dict[str, Any], capsys: Captured, command: str, words: tuple[str, ...], complaint: str
) -> None:
    assert run([command, "--model", "demo", *words]) == ExitStatus.USAGE
    assert complaint in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert asked == {}


@pytest.mark.usefixtures("asked")
def test_the_hint_says_nothing_that_is_the_default(capsys: Captured) -> None:
    run(["quantize", "--model", "demo", "--seed", "0"])
    assert "next: levit-edge sensitivity --model demo\n" in capsys.readouterr().out


def test_a_recipe_comes_from_a_file_and_options_go_first(asked: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('scheme = "static"\nseed = 3\nfloat_layers = ["head"]\nequalize = false\n')
    run(["sensitivity", "--model", "demo", "--recipe", str(file)])
    of_file = Recipe(scheme=Scheme.STATIC, seed=3, float_layers=("head",), equalize=False)
    assert asked["recipe"] == of_file
    run(["quantize", "--model", "demo", "--recipe", str(file), "--seed", "0", "--float-layer", "stem.*", "--equalize"])
    assert asked["recipe"] == replace(of_file, seed=0, float_layers=("stem.*",), equalize=True)


def test_a_bad_recipe_file_is_one_message(asked: dict[str, Any], capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"recipe": to_json(OTHER) | {"observer": 1}}))
    assert run(["quantize", "--model", "demo", "--recipe", str(file)]) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1
    assert f"the recipe {file} is not valid: it has unknown keys ['observer']" in captured.err
    assert asked == {}

"""Each wrong input of `quantize` ends in exit status 3, one clear message, and nothing written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from levit_edge import demo
from levit_edge.cli.main import run

Arguments = list[str]


def bytes_of_demo() -> bytearray:
    return bytearray(demo.checkpoint_path().read_bytes())


def missing(_: Path) -> Arguments:
    return ["--checkpoint", "no/such/file.pth"]


def empty(tmp_path: Path) -> Arguments:
    (tmp_path / "empty.pth").touch()
    return ["--checkpoint", str(tmp_path / "empty.pth")]


def truncated(tmp_path: Path) -> Arguments:
    (tmp_path / "cut.safetensors").write_bytes(bytes_of_demo()[:-1000])
    return ["--checkpoint", str(tmp_path / "cut.safetensors")]


def bit_flipped(tmp_path: Path) -> Arguments:
    torch.save({"model": load_file(demo.checkpoint_path())}, tmp_path / "flip.pth")
    data = bytearray((tmp_path / "flip.pth").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "flip.pth").write_bytes(data)
    return ["--checkpoint", str(tmp_path / "flip.pth")]


def no_checkpoint(tmp_path: Path) -> Arguments:
    (tmp_path / "page.pth").write_text("<html>404</html>")
    return ["--checkpoint", str(tmp_path / "page.pth")]


def other_architecture(tmp_path: Path) -> Arguments:
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7), "fc.weight": torch.zeros(10, 512)}, tmp_path / "resnet.pth")
    return ["--checkpoint", str(tmp_path / "resnet.pth")]


def other_size(_: Path) -> Arguments:
    return ["--checkpoint", str(demo.checkpoint_path()), "--model", "128S"]


def missing_tensor(tmp_path: Path) -> Arguments:
    weights = load_file(demo.checkpoint_path())
    del weights["blocks.1.m.0.c.weight"]
    save_file(weights, tmp_path / "less.safetensors")
    return ["--checkpoint", str(tmp_path / "less.safetensors")]


def not_a_number(tmp_path: Path) -> Arguments:
    weights = load_file(demo.checkpoint_path())
    weights["blocks.1.m.0.c.weight"][0, 0] = float("nan")
    save_file(weights, tmp_path / "nan.safetensors")
    return ["--checkpoint", str(tmp_path / "nan.safetensors")]


def empty_calibration(tmp_path: Path) -> Arguments:
    (tmp_path / "images").mkdir()
    return ["--model", "demo", "--calibration", str(tmp_path / "images")]


def no_images(tmp_path: Path) -> Arguments:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "readme.txt").write_text("none here")
    return ["--model", "demo", "--calibration", str(tmp_path / "images")]


def too_few_images(_: Path) -> Arguments:
    return ["--model", "demo", "--calibration", str(demo.calibration_dir())]


def wrong_class_count(tmp_path: Path) -> Arguments:
    shutil.copytree(demo.evaluation_dir() / "hat", tmp_path / "images" / "bowler")
    return ["--model", "demo", "--evaluation", str(tmp_path / "images")]


def corrupt_image(tmp_path: Path) -> Arguments:
    shutil.copytree(demo.calibration_dir(), tmp_path / "images")
    (tmp_path / "images" / "hat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photograph")
    return ["--model", "demo", "--calibration", str(tmp_path / "images"), "--calibration-images", "151"]


def gate_without_labels(tmp_path: Path) -> Arguments:
    shutil.copytree(demo.evaluation_dir() / "hat", tmp_path / "images")
    return ["--model", "demo", "--evaluation", str(tmp_path / "images"), "--max-drop", "1"]


def unknown_layer(_folder: Path) -> Arguments:
    return ["--model", "demo", "--dynamic-layer", "blocks.99.up"]


CASES: dict[Callable[[Path], Arguments], str] = {
    missing: "no/such/file.pth",
    empty: "empty",
    truncated: "cut.safetensors",
    bit_flipped: "flip.pth",
    no_checkpoint: "page.pth",
    other_architecture: "conv1.weight",
    other_size: "LeViT-demo",
    missing_tensor: "blocks.1.m.0.c.weight",
    not_a_number: "blocks.1.m.0.c.weight",
    empty_calibration: "no images",
    no_images: "no images",
    too_few_images: "holds 150 images, calibration needs 256",
    wrong_class_count: "Labels: bowler. Classes: dress",
    corrupt_image: "broken.jpg",
    gate_without_labels: "--max-drop",
    unknown_layer: "--dynamic-layer 'blocks.99.up' fits no layer",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_refused(case: Callable[[Path], Arguments], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = case(tmp_path)
    before = set(tmp_path.iterdir())
    status = run(["quantize", *arguments, "--output", str(tmp_path / "bundle")])
    captured = capsys.readouterr()
    assert status == 3
    assert captured.err.count("error:") == 1
    assert CASES[case] in captured.err.replace("\n", " ")
    assert captured.out == ""
    assert set(tmp_path.iterdir()) == before


def test_a_bad_evaluation_image_is_told_before_the_long_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(demo.evaluation_dir(), tmp_path / "images")
    (tmp_path / "images" / "hat" / "broken.jpg").write_bytes(b"no photograph")
    arguments = ["--model", "demo", "--evaluation", str(tmp_path / "images"), "--output", str(tmp_path / "bundle")]
    assert run(["quantize", *arguments]) == 3
    complaints = capsys.readouterr().err
    assert "1 of 121 images cannot be read" in complaints
    assert "broken.jpg: not an image in a known format" in complaints
    assert "calibrate" not in complaints
    assert not (tmp_path / "bundle").exists()


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.target, "the checkpoint ran code")


def test_a_pickle_that_would_run_code_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "was-here"
    torch.save({"model": {"head.l.weight": Bomb(target)}}, tmp_path / "evil.pth")
    status = run(["quantize", "--checkpoint", str(tmp_path / "evil.pth"), "--output", str(tmp_path / "bundle")])
    assert status == 3
    assert "evil.pth" in capsys.readouterr().err
    assert not target.exists()
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_an_output_that_is_not_ours_is_left_alone(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    if kind == "file":
        output.write_text("mine")
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        output.symlink_to(tmp_path / "elsewhere")
    else:
        output.mkdir()
        (output / "thesis.txt").write_text("mine")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert run(["quantize", "--model", "demo", "--output", str(output)]) == 3
    assert "is not a bundle made by levit-edge" in capsys.readouterr().err.replace("\n", " ")
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_an_output_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["quantize", "--model", "demo", "--output", "/proc/levit/bundle"]) == 3
    assert "/proc is not writable" in capsys.readouterr().err


def test_no_network_for_the_official_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    assert run(["quantize", "--model", "128S", "--output", str(tmp_path / "bundle")]) == 3
    message = capsys.readouterr().err
    assert "could not be fetched" in message
    assert "--checkpoint" in message
    assert not (tmp_path / "bundle").exists()

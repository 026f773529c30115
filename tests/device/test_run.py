"""`run.py` as a board runs it: in a process of its own, with numpy, Pillow and onnxruntime and nothing of ours."""

import ast
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.data.preprocess import read_input
from levit_edge.device import engines
from levit_edge.device.facts import read_facts
from levit_edge.device.run import bench
from levit_edge.device.unpacked import Opened, UnpackedPackage
from levit_edge.errors import DataError, PackageError, RuntimeUnavailableError
from levit_edge.package.contents import SOURCE_FILES

Completed = subprocess.CompletedProcess[str]
REPOSITORY = Path(__file__).parents[2]
ABSENT = ("torch", "executorch", "executorch_numpy_runtime", "typer", "rich", "platformdirs", "onnx")


@pytest.fixture
def unpacked(board_package: bytes, tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(BytesIO(board_package)) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def on_board(unpacked: Path, tmp_path: Path) -> Path:
    """A program that starts `run.py` where levit-edge and everything else but its three packages is not installed."""
    starter = tmp_path / "board.py"
    starter.write_text(
        f"import runpy, sys\n"
        f"sys.path = [path for path in sys.path if path.rstrip('/') != {str(REPOSITORY)!r}]\n"
        f"sys.modules.update(dict.fromkeys({ABSENT!r}))\n"
        f"sys.argv = sys.argv[1:]\n"
        f"sys.path[0] = {str(unpacked)!r}\n"
        f"try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        f"finally:\n    import levit_edge\n    assert levit_edge.__file__.startswith({str(unpacked)!r})\n"
    )
    return starter


@pytest.fixture
def photographs_of_all_kinds(tmp_path: Path) -> list[Path]:
    """Wide, tall, small, square, grey: resampled up and down, and not at all."""
    generator, paths = np.random.default_rng(3), []
    for index, shape in enumerate([(40, 90, 3), (301, 77, 3), (9, 11, 3), (32, 32, 3), (32, 47, 3), (200, 200)]):
        paths.append(tmp_path / f"{index}.{'jpg' if index % 2 else 'png'}")
        Image.fromarray(generator.integers(0, 256, shape, np.uint8)).save(paths[-1])
    return paths


def start(on_board: Path, unpacked: Path, *arguments: object, cwd: Path | None = None) -> Completed:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, str(on_board), str(unpacked / "run.py"), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=cwd)


def test_nobody_reading_on_is_no_traceback(
    on_board: Path, unpacked: Path, photographs_of_all_kinds: list[Path]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, str(on_board), str(unpacked / "run.py"), str(photographs_of_all_kinds[0])]
    result = subprocess.run(command, check=False, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


def test_it_says_what_predict_says(
    on_board: Path,
    unpacked: Path,
    packable_bundle: Bundle,
    photographs_of_all_kinds: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    images = [str(path) for path in photographs_of_all_kinds]
    found = start(on_board, unpacked, *images, "--top", "2", cwd=unpacked.parent)
    assert found.returncode == 0, found.stderr
    assert run(["predict", str(packable_bundle.path), *images, "--top", "2"]) == 0
    assert found.stdout == capsys.readouterr().out


def test_pixels_and_inputs_are_those_of_the_library(
    unpacked: Path, packable_bundle: Bundle, photographs_of_all_kinds: list[Path]
) -> None:
    package, preprocessing = UnpackedPackage(unpacked), packable_bundle.manifest.preprocessing
    for path in photographs_of_all_kinds:
        inputs, turned = package.read_photograph(path, exif=False)
        assert np.array_equal(inputs[0], read_input(path, preprocessing))
        assert not turned


def test_photographs_are_turned_as_predict_does_and_it_is_said(
    on_board: Path, unpacked: Path, packable_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif, path = Image.Exif(), tmp_path / "lying.jpg"
    exif[0x0112] = 6
    pixels = np.random.default_rng(5).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    for options in ([], ["--no-exif"]):
        found = start(on_board, unpacked, path, *options)
        assert found.returncode == 0, found.stderr
        assert ("(turned as its EXIF says)" in found.stdout) is not bool(options)
        assert run(["predict", str(packable_bundle.path), str(path), *options]) == 0
        assert found.stdout == capsys.readouterr().out
    package, preprocessing = UnpackedPackage(unpacked), packable_bundle.manifest.preprocessing
    for turned in (True, False):
        inputs, told = package.read_photograph(path, exif=turned)
        assert told is turned
        assert np.array_equal(inputs[0], read_input(path, replace(preprocessing, exif=turned)))


@pytest.mark.parametrize(
    ("crop", "interpolation"), [("squash", "bilinear"), ("center", "lanczos"), ("squash", "bicubic")]
)
def test_other_preprocessing_is_that_of_the_library(
    unpacked: Path, packable_bundle: Bundle, photographs_of_all_kinds: list[Path], crop: str, interpolation: str
) -> None:
    change_input(unpacked, crop=crop, interpolation=interpolation)
    preprocessing = replace(
        packable_bundle.manifest.preprocessing, squash=crop == "squash", interpolation=interpolation
    )
    package = UnpackedPackage(unpacked)
    for path in photographs_of_all_kinds:
        assert np.array_equal(package.read_photograph(path, exif=False)[0][0], read_input(path, preprocessing))


@pytest.mark.parametrize("change", [{"crop": "border"}, {"interpolation": "nearest"}])
def test_unknown_preprocessing_is_refused(unpacked: Path, change: dict[str, str]) -> None:
    change_input(unpacked, **change)
    with pytest.raises(PackageError, match="unpack the package again"):
        UnpackedPackage(unpacked)


def change_input(unpacked: Path, **values: str) -> None:
    file = unpacked / "model.json"
    document = json.loads(file.read_text())
    document["input"] |= values
    file.write_text(json.dumps(document))


def test_the_self_test_passes(on_board: Path, unpacked: Path) -> None:
    found = start(on_board, unpacked, "--self-test")
    assert found.returncode == 0, found.stderr
    assert "model.onnx in onnxruntime" in found.stdout
    assert "2 golden images" in found.stdout
    assert found.stdout.endswith("passed\n")


@pytest.mark.parametrize("name", ["model.onnx", "model.pte", "labels.txt", "golden_input.f32", "LICENSE.txt"])
def test_the_self_test_fails_on_a_flipped_bit(on_board: Path, unpacked: Path, name: str) -> None:
    data = bytearray((unpacked / name).read_bytes())
    data[len(data) // 2] ^= 1
    (unpacked / name).write_bytes(data)
    found = start(on_board, unpacked, "--self-test")
    assert found.returncode == 3
    assert f"error: {name} is damaged or was changed" in found.stderr
    assert "Traceback" not in found.stderr
    assert "passed" not in found.stdout


def test_the_self_test_fails_where_other_logits_come_out(on_board: Path, unpacked: Path) -> None:
    wrong = (np.arange(6, dtype="<f4") * 100).tobytes()
    (unpacked / "golden_output.onnx.f32").write_bytes(wrong)
    document = json.loads((unpacked / "model.json").read_text())
    document["files"]["golden_output.onnx.f32"]["sha256"] = hashlib.sha256(wrong).hexdigest()
    (unpacked / "model.json").write_text(json.dumps(document))
    found = start(on_board, unpacked, "--self-test")
    assert found.returncode == 3
    assert "does not compute here what it computed where it was made" in found.stderr


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": {"a": 1}}', b"\xff"])
def test_a_damaged_document_is_a_message(on_board: Path, unpacked: Path, content: bytes) -> None:
    (unpacked / "model.json").write_bytes(content)
    found = start(on_board, unpacked, "--self-test")
    assert found.returncode == 3
    assert "model.json is missing or damaged" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_changed_model_classifies_nothing(on_board: Path, unpacked: Path, photographs: list[Path]) -> None:
    (unpacked / "model.onnx").write_bytes(b"another")
    found = start(on_board, unpacked, photographs[0])
    assert (found.returncode, found.stdout) == (3, "")
    assert "model.onnx is damaged or was changed" in found.stderr


def test_it_times_the_model(on_board: Path, unpacked: Path) -> None:
    found = start(on_board, unpacked, "--bench", "--runs", "5")
    assert found.returncode == 0, found.stderr
    assert "5 runs after 10 to warm up" in found.stdout
    assert "p50" in found.stdout


def test_times_of_an_emulator_are_said_to_mean_nothing(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package, facts = UnpackedPackage(unpacked), read_facts()
    monkeypatch.setattr("levit_edge.device.run.read_facts", lambda: facts | {"emulator": "qemu-user"})
    opened = Opened(package.models[1], "an engine", lambda _: np.zeros(3, np.float32))
    bench(package, opened, runs=2, threads=1)
    assert "emulated by qemu-user: the times mean nothing" in capsys.readouterr().out


def test_a_missing_runtime_is_named(on_board: Path, unpacked: Path) -> None:
    found = start(on_board, unpacked, "--self-test", "--runtime", "executorch")
    assert found.returncode == 3
    assert "no runtime is installed" in found.stderr
    assert found.stderr.endswith("): pip install executorch-numpy-runtime\n")


def test_pillow_that_is_too_old_is_named(on_board: Path, unpacked: Path) -> None:
    (unpacked / "PIL").mkdir()
    (unpacked / "PIL" / "__init__.py").write_text("class UnidentifiedImageError(OSError): pass\n")
    (unpacked / "PIL" / "Image.py").touch()
    found = start(on_board, unpacked, "--self-test")
    assert found.returncode == 1
    assert found.stderr.startswith("error: Pillow is older than 9.1 (")
    assert found.stderr.count("\n") == 1


def test_names_that_the_output_cannot_have_are_escaped(
    on_board: Path, unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "é.png")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    found = start(on_board, unpacked, "é.png", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("\\xe9.png\n")


def test_a_runtime_that_is_too_old_is_named(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_model: bytes, _threads: int) -> None:
        raise OSError("Unsupported model IR version: 10, max supported IR version: 9")

    monkeypatch.setitem(engines.ENGINES, "onnxruntime", lambda: load)
    monkeypatch.setattr(engines, "installed_version", lambda _package: "1.17.3")
    message = r"^model\.onnx: onnxruntime 1\.17\.3 is installed; the file needs 1\.18\.0 or newer: pip install \S+\.$"
    package = UnpackedPackage(unpacked)
    with pytest.raises(RuntimeUnavailableError, match=message):
        package.open_model(package.models[1], 1)


@pytest.mark.parametrize("name", ["numpy", "PIL"])
def test_a_missing_package_is_named(on_board: Path, unpacked: Path, name: str) -> None:
    on_board.write_text(on_board.read_text().replace("sys.argv = ", f"sys.modules[{name!r}] = None\nsys.argv = "))
    found = start(on_board, unpacked, "--self-test")
    assert found.returncode == 1
    assert f"error: {name} is not installed: pip install numpy pillow onnxruntime" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["--self-test", "--bench"], ["x.png", "--bench"], ["x.png", "--top", "0"], ["--bench", "--runs", "0"]],
)
def test_wrong_usage_is_status_2(on_board: Path, unpacked: Path, arguments: list[str]) -> None:
    found = start(on_board, unpacked, *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert "error: " in found.stderr


def test_what_is_no_photograph_is_status_3(on_board: Path, unpacked: Path) -> None:
    found = start(on_board, unpacked, unpacked / "labels.txt")
    assert found.returncode == 3
    assert "not an image in a known format" in found.stderr
    with pytest.raises(DataError):
        UnpackedPackage(unpacked).read_photograph(unpacked / "labels.txt", exif=True)


@pytest.mark.parametrize("source", sorted(SOURCE_FILES.values()))
def test_what_boards_run_is_python_3_9(source: str) -> None:
    """Its grammar, and no keywords of calls that came later: zip's `strict`, dataclass's `slots` and `kw_only`."""
    tree = ast.parse((REPOSITORY / "levit_edge" / source).read_text(encoding="utf-8"), feature_version=(3, 9))
    keywords = {each.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for each in node.keywords}
    assert keywords.isdisjoint({"strict", "slots", "kw_only"})

"""`run.py` on many photographs and on cameras: as `predict` does it, with what a board has."""

import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.device import classify
from levit_edge.device.camera import open_camera
from levit_edge.device.errors import DataError
from levit_edge.device.run import parse_arguments
from levit_edge.device.unpacked import UnpackedPackage
from tests.device.test_run import on_board, photographs_of_all_kinds, start, unpacked

__all__ = ["on_board", "photographs_of_all_kinds", "unpacked"]
Captured = pytest.CaptureFixture[str]
RED, BLUE = (200, 0, 0), (0, 0, 200)


@pytest.mark.parametrize("form", ["text", "csv", "jsonl"])
def test_folders_and_patterns_give_what_predict_gives_in_every_form(
    on_board: Path, unpacked: Path, packable_bundle: Bundle, photographs_of_all_kinds: list[Path], capsys: Captured,
    form: str,
) -> None:  # fmt: skip
    folder = photographs_of_all_kinds[0].parent / "photos"
    (folder / "deeper").mkdir(parents=True)
    for number, path in enumerate(photographs_of_all_kinds):
        path.rename(folder / ("deeper" if number % 2 else ".") / path.name)
    (folder / "notes.txt").touch()
    words = [str(folder), f"{folder}/**/*.png", "--format", form, "--top", "2"]
    found = start(on_board, unpacked, *words)
    assert found.returncode == 0, found.stderr
    assert run(["predict", str(packable_bundle.path), *words]) == 0
    assert found.stdout == capsys.readouterr().out
    assert f"note: {folder}: 1 file passed over: 1 no image" in found.stderr
    assert "9 photographs in " in found.stderr


def test_standard_input_is_a_picture_or_with_a_list_its_names(
    on_board: Path, unpacked: Path, photographs_of_all_kinds: list[Path]
) -> None:
    path = photographs_of_all_kinds[0]
    for words, given in (["-"], path.read_bytes()), (["--from-file", "-"], f"{path}\n".encode()):
        command = [sys.executable, str(on_board), str(unpacked / "run.py"), *words, "--format", "jsonl"]
        done = subprocess.run(command, input=given, capture_output=True, check=True)
        (found,) = map(json.loads, done.stdout.splitlines())
        assert found["image"] == ("standard input" if words == ["-"] else str(path))


def test_a_bad_one_ends_nothing_and_is_named_at_the_end(
    on_board: Path, unpacked: Path, photographs_of_all_kinds: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.png").touch()
    words = [photographs_of_all_kinds[0], tmp_path / "bad.png", photographs_of_all_kinds[1]]
    found = start(on_board, unpacked, *words, "--output", tmp_path / "all.json")
    assert (found.returncode, found.stdout) == (3, "")
    assert f"error: {tmp_path / 'bad.png'}: an empty file" in found.stderr
    document = json.loads((tmp_path / "all.json").read_text())
    assert (len(document["results"]), document["runtime"]) == (2, "onnxruntime")
    assert document["errors"] == [{"image": str(tmp_path / "bad.png"), "error": "an empty file"}]
    found = start(on_board, unpacked, *words, tmp_path / "no.png", "--skip-bad-images")
    assert found.returncode == 0
    assert "warning: left out: 2 of 4 photographs cannot be read:" in found.stderr
    found = start(on_board, unpacked, words[0], tmp_path / "no.png")
    assert (found.returncode, found.stdout) == (3, "")
    assert "no.png does not exist; expected a photograph." in found.stderr


class OpenCV(types.ModuleType):
    """Pictures of one colour, blue first; the second capture has none."""

    CAP_PROP_FRAME_WIDTH, CAP_PROP_FRAME_HEIGHT, CAP_PROP_BUFFERSIZE = 3, 4, 38

    def __init__(self, colour: tuple[int, int, int], pictures: int) -> None:
        super().__init__("cv2")
        self.colour, self.pictures, self.released = colour, pictures, False

    def VideoCapture(self, number: int) -> "OpenCV":  # noqa: N802 - as it is called
        self.number = number
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.number == 0

    def set(self, name: int, value: int) -> None:
        assert name in {3, 4, 38}
        assert value > 0

    def read(self) -> tuple[bool, Any]:
        self.pictures -= 1
        if self.pictures == -1:
            raise KeyboardInterrupt
        return self.pictures >= 0, np.full((48, 64, 3), self.colour[::-1], np.uint8)

    def release(self) -> None:
        self.released = True


class Picamera2:
    """Pictures of one colour, as its BGR888 has them: red first."""

    asked: dict[str, Any]

    @staticmethod
    def global_camera_info() -> list[dict[str, str]]:
        return [{"Model": "imx708"}]

    def __init__(self, number: int) -> None:
        assert number == 0

    def create_video_configuration(self, **asked: Any) -> dict[str, Any]:
        return asked

    def configure(self, asked: dict[str, Any]) -> None:
        Picamera2.asked = asked

    def start(self) -> None:
        pass

    def capture_array(self, name: str) -> Any:
        assert name == "main"
        return np.full((48, 64, 3), BLUE, np.uint8)

    def close(self) -> None:
        Picamera2.asked["closed"] = True


@pytest.fixture
def no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("picamera2", "cv2"):
        monkeypatch.setitem(sys.modules, name, None)


def seen(unpacked: Path, capsys: Captured, *words: str) -> tuple[list[Any], str]:
    """What is written of the frames of a camera by a model that answers with the mean colour."""
    package = UnpackedPackage(unpacked)
    chosen = parse_arguments(["--camera", "0", "--format", "jsonl", *words])
    classify.classify(package, lambda image: image.mean((0, 2, 3)), package.models[1], chosen)
    captured = capsys.readouterr()
    return [json.loads(line) for line in captured.out.splitlines()], captured.err


@pytest.mark.usefixtures("no_camera")
def test_a_camera_through_opencv_is_seen_in_its_true_colours_until_ctrl_c(
    unpacked: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = OpenCV(RED, 3)
    monkeypatch.setitem(sys.modules, "cv2", camera)
    frames, err = seen(unpacked, capsys)
    assert [each["frame"] for each in frames] == [0, 1, 2]
    assert {each["guesses"][0]["label"] for each in frames} == {"red"}
    assert all(each["preprocessing_ms"] >= 0 <= each["inference_ms"] for each in frames)
    assert "3 frames: " in err
    assert camera.released


@pytest.mark.usefixtures("no_camera")
def test_picamera2_goes_first_and_ends_after_so_many_frames(
    unpacked: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setitem(sys.modules, "cv2", OpenCV(RED, 3))
    frames, err = seen(unpacked, capsys, "--frames", "2")
    assert {each["guesses"][0]["label"] for each in frames} == {"blå"}
    assert "2 frames: " in err
    assert Picamera2.asked["main"]["format"] == "BGR888"
    assert Picamera2.asked["closed"]
    with pytest.raises(DataError, match="there is no camera 1: picamera2 finds 1"), open_camera(1):
        pass


@pytest.mark.usefixtures("no_camera")
def test_without_a_library_or_a_camera_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="neither is installed: sudo apt install python3-picamera2"):
        open_camera(0)
    monkeypatch.setitem(sys.modules, "cv2", OpenCV(RED, 0))
    with pytest.raises(DataError, match="there is no camera 1 that OpenCV can open"), open_camera(1):
        pass


def test_one_of_a_shape_that_cannot_be_is_named(on_board: Path, unpacked: Path, tmp_path: Path) -> None:
    Image.new("L", (1, 1_000_000)).save(tmp_path / "long.png")
    found = start(on_board, unpacked, tmp_path / "long.png")
    assert re.fullmatch(rf"error: {re.escape(str(tmp_path))}/long\.png: .*too elongated.*\n", found.stderr)


def test_what_is_read_is_not_written_over(on_board: Path, unpacked: Path, photographs_of_all_kinds: list[Path]) -> None:
    for output in (photographs_of_all_kinds[0], unpacked / "model.json"):
        before = output.read_bytes()
        found = start(on_board, unpacked, photographs_of_all_kinds[0], "--output", output, "--format", "csv")
        assert found.returncode == 3
        assert "would take its place" in found.stderr
        assert output.read_bytes() == before


def test_a_full_device_behind_the_output_is_said(
    on_board: Path, unpacked: Path, photographs_of_all_kinds: list[Path]
) -> None:
    command = [sys.executable, str(on_board), str(unpacked / "run.py"), str(photographs_of_all_kinds[0])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "error: the output: No space left on device.\n")


@pytest.mark.usefixtures("no_camera")
def test_a_camera_that_goes_leaves_what_was_seen(
    unpacked: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    camera = OpenCV(RED, 10)
    monkeypatch.setitem(sys.modules, "cv2", camera)
    monkeypatch.setattr(camera, "read", lambda: (camera.pictures > 8, OpenCV.read(camera)[1]))
    with pytest.raises(DataError, match="camera 0 gives no more pictures"):
        seen(unpacked, capsys, "--output", str(tmp_path / "all.jsonl"))
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--camera", "-1"],
        ["--camera", "0", "--frames", "0"],
        ["--camera", "0", "--no-exif"],
        ["--bench", "--output", "x.csv"],
        ["x.jpg", "--frames", "2"],
        ["x.jpg", "--camera", "0"],
    ],
)
def test_one_kind_at_a_time(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(words)

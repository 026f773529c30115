"""`levit-edge predict` on a video made here, and on FFmpeg's test picture in place of a camera."""

import csv
import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.data import frames
from levit_edge.data.frames import Frame, camera_frames, video_frames
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.predict import Network
from levit_edge.runtime.evaluation.stream import frame_predictions

av: Any = pytest.importorskip("av", reason="pip install 'levit-edge[video]'")
Captured = pytest.CaptureFixture[str]
COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))
"""Of three frames each, as `tiny_bundle` has them: red, green, blue."""
RATE = 10
TEST_PICTURE = "smptebars=size=64x48:rate=30"
CODE = f"""
import sys
from levit_edge.data import frames
frames.DEVICE, frames.SYSTEM = {TEST_PICTURE!r}, "lavfi"
frames.require_camera = lambda _number: None
from levit_edge.cli.main import main
main(sys.argv[1:])
"""


def make_video(path: Path, of_each: int, *, offset_s: int = 0) -> None:
    """So many frames of each colour, the first one late by so much."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(of_each * len(COLOURS)):
            picture = np.full((48, 64, 3), COLOURS[number // of_each], np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number + offset_s * RATE, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


@pytest.fixture
def video(tmp_path: Path) -> Path:
    make_video(tmp_path / "clip.mp4", 3)
    return tmp_path / "clip.mp4"


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "DEVICE", TEST_PICTURE)
    monkeypatch.setattr(frames, "SYSTEM", "lavfi")
    monkeypatch.setattr(frames, "require_camera", lambda _number: None)


def predicted(capsys: Captured, *arguments: object, status: int = 0) -> tuple[str, str]:
    assert run(["predict", *map(str, arguments)]) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_every_frame_of_a_video_is_seen_in_order_with_its_times(
    capsys: Captured, tiny_bundle: Path, video: Path
) -> None:
    out, err = predicted(capsys, tiny_bundle, "--video", video, "--precision", "fp32", "--format", "jsonl")
    seen = [json.loads(line) for line in out.splitlines()]
    assert [each["frame"] for each in seen] == list(range(9))
    assert [each["at_s"] for each in seen] == pytest.approx([number / RATE for number in range(9)])
    assert [each["guesses"][0]["label"] for each in seen] == ["red"] * 3 + ["green"] * 3 + ["blå"] * 3
    assert all(each["preprocessing_ms"] > 0 < each["inference_ms"] for each in seen)
    said = r"9 frames in [\d.]+ s: [\d.]+ frames/s, preprocessing [\d.]+ ms, inference [\d.]+ ms; seen most: red 3, "
    assert re.match(said, err)


def test_frames_are_rows_of_csv_and_can_be_limited(capsys: Captured, tiny_bundle: Path, video: Path) -> None:
    out, _ = predicted(capsys, tiny_bundle, "--video", video, "--frames", 2, "--top", 1, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["frame"], row["rank"]) for row in rows] == [("0", "1"), ("1", "1")]
    assert rows[0].keys() >= {"at_s", "label", "probability", "preprocessing_ms", "inference_ms"}


def test_what_is_no_video_is_refused(capsys: Captured, tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_text("no video")
    _, err = predicted(capsys, tiny_bundle, "--video", tmp_path / "x.mp4", status=3)
    assert re.search(r"x\.mp4 cannot be read: .*; expected a video that FFmpeg knows\.\n$", err)


def test_what_a_video_has_before_it_is_cut_off_is_written_and_then_said(
    capsys: Captured, tiny_bundle: Path, video: Path
) -> None:
    whole = video.with_name("whole.mkv")
    make_video(whole, 10)
    cut = whole.with_name("cut.mkv")
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    words = ["--top", 1, "--output", cut.with_name("all.csv")]
    _, err = predicted(capsys, tiny_bundle, "--video", cut, *words, status=3)
    assert re.search(r"cut\.mkv ends after [012]\.\d s, and says that it has 3\.0 s: it was cut off", err)
    seen = len(list(csv.DictReader(io.StringIO(cut.with_name("all.csv").read_text()))))
    with av.open(str(cut)) as opened:
        assert seen == len(list(opened.decode(video=0))) > 0
    predicted(capsys, tiny_bundle, "--video", cut, "--frames", 2)
    predicted(capsys, tiny_bundle, "--video", whole)


def test_seconds_are_counted_from_the_first_frame(video: Path) -> None:
    """A transport stream's clock may begin anywhere."""
    path = video.with_name("clip.ts")
    make_video(path, 5, offset_s=7)
    with av.open(str(path)) as opened:
        assert next(opened.decode(video=0)).time > 1
    assert [each.at_s for each in video_frames(path)] == pytest.approx([number / RATE for number in range(15)])


def test_pictures_are_turned_as_the_file_says(video: Path) -> None:
    """A phone writes the rotation into the track's header (ISO/IEC 14496-12, `tkhd`): here a quarter clockwise."""
    content = bytearray(video.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    quarter = [0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000]
    content[matrix : matrix + 36] = b"".join(each.to_bytes(4, "big") for each in quarter)
    turned = video.with_name("turned.mp4")
    turned.write_bytes(content)
    (straight,), (upright,) = (list(video_frames(path, most=1)) for path in (video, turned))
    assert np.array_equal(np.rot90(straight.pixels(), -1), upright.pixels())


@pytest.mark.usefixtures("camera")
def test_a_camera_gives_the_newest_frame_and_ends_when_asked(capsys: Captured, tiny_bundle: Path) -> None:
    out, err = predicted(capsys, tiny_bundle, "--camera", 0, "--frames", 3, "--format", "jsonl")
    numbers = [json.loads(line)["frame"] for line in out.splitlines()]
    assert len(numbers) == 3
    assert numbers == sorted(set(numbers))
    assert "3 frames in " in err


@pytest.mark.usefixtures("camera")
def test_frames_that_nobody_had_time_for_are_passed_over() -> None:
    coming = camera_frames(0)
    first = next(coming)
    deadline = time.monotonic() + 30
    while (second := next(coming)).number == first.number + 1 and time.monotonic() < deadline:
        first = second
        time.sleep(0.05)  # several frames of a picture that comes as fast as it can
    coming.close()
    assert second.number > first.number + 1


def test_a_camera_that_goes_ends_in_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "DEVICE", "smptebars=size=64x48:duration=0.1")
    monkeypatch.setattr(frames, "SYSTEM", "lavfi")
    with pytest.raises(DataError, match="the camera gives no more frames"):
        list(camera_frames(0))


def test_a_frame_is_made_while_the_one_before_is_run(tiny_bundle: Path) -> None:
    """Answers come one behind, and the last one at the end."""
    network = Network.of(Bundle.open(tiny_bundle), None, Precision.FP32)
    made: list[int] = []

    def coming() -> Iterator[Frame]:
        for number, colour in enumerate(COLOURS):
            made.append(number)
            picture = np.full((40, 40, 3), colour, np.uint8)
            yield Frame(number=number, at_s=float(number), pixels=partial(np.array, picture))

    seen = [(each.frame, each.guesses[0].label, len(made)) for each in frame_predictions(network, coming(), top=1)]
    assert seen == [(0, "red", 2), (1, "green", 3), (2, "blå", 3)]


@pytest.mark.parametrize(("kind", "status"), [("--camera", 0), ("--video", 130)])
def test_an_interrupt_ends_it_with_what_was_seen(tiny_bundle: Path, tmp_path: Path, kind: str, status: int) -> None:
    code, words = CODE, [kind, "0"]
    if kind == "--video":
        words = [kind, str(tmp_path)]
        code = CODE.replace("frames.require_camera", "frames.video_frames = frames.camera_frames\nframes.require_video")
    command = [sys.executable, "-c", code, "predict", str(tiny_bundle), *words, "--format", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        first = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == status, err
    assert json.loads(first)["guesses"]
    assert all(json.loads(line)["guesses"] for line in out.splitlines())
    assert re.search(r"\d+ frames? in [\d.]+ s", err)


def test_without_the_library_it_is_said_how_to_get_it(
    capsys: Captured, tiny_bundle: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    _, err = predicted(capsys, tiny_bundle, "--video", video, status=3)
    assert "PyAV, which is not installed: `pip install 'levit-edge[video]'`." in err


@pytest.mark.parametrize(
    "words",
    [
        ["a.jpg", "--video", "x"],
        ["--video", "x", "--camera", "0"],
        ["a.jpg", "--frames", "3"],
        [],
        ["--video", "x", "--skip-bad-images"],
        ["--video", "x", "--workers", "2"],
        ["--camera", "0", "--no-exif"],
    ],
)
def test_one_kind_at_a_time(capsys: Captured, tiny_bundle: Path, words: list[str]) -> None:
    predicted(capsys, tiny_bundle, *words, status=2)

"""What is refused before anything heavy is imported: wrong paths, wrong values, words in the wrong places."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_imports import HEAVY

pytestmark = pytest.mark.release

RUN = f"""
import sys
from levit_edge.cli.main import run
status = run(sys.argv[1:])
heavy = {{*{HEAVY!r}, "onnxruntime", "pyarrow", "ray"}} & {{name.partition(".")[0] for name in sys.modules}}
print(f"status {{status}}, imported: {{sorted(heavy)}}")
"""
INSPECTED = "a checkpoint, a bundle, a package, a .pte file, an .onnx file"
CHECKPOINT = "or a Hugging Face model id such as facebook/levit-128S."
BUNDLE = "expected a bundle made by `levit-edge quantize`, which is a folder."
IMAGES = "expected a folder of images, a tar file, or parquet files"
PLAN = """
[[checkpoints]]
path = "no.pth"
[calibration]
images = "images"
[evaluation]
images = "images"
"""


@pytest.fixture
def place(tmp_path: Path, tiny_bundle: Path) -> Path:
    """A folder as users have it."""
    for name in ("my.pth", "my model.pth", "prototype.pth", "x.zip", "x.pte", "x.jpg", "file"):
        (tmp_path / name).touch()
    (tmp_path / "images" / "red").mkdir(parents=True)
    (tmp_path / "my images").mkdir()
    (tmp_path / "bundle").symlink_to(tiny_bundle)
    (tmp_path / "plan.toml").write_text(PLAN)
    there = PLAN.replace("no.pth", "my.pth")
    (tmp_path / "classes.toml").write_text(there + 'classes = "no.txt"\n')
    (tmp_path / "bundle.toml").write_text(there.replace('"my.pth"', '"my.pth"\npreprocessing = "no"'))
    return tmp_path


def refused(place: Path, command: str) -> tuple[str, str]:
    """The status and what was imported, and the message."""
    words = [sys.executable, "-c", RUN, *shlex.split(command)]
    result = subprocess.run(words, cwd=place, check=True, capture_output=True, text=True)
    return result.stdout, result.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("quantize --checkpoint no.pth", "no.pth does not exist; expected the path of a checkpoint, a folder"),
        ("quantize --checkpoint my.pth --calibration no", f"no does not exist; {IMAGES}"),
        ("quantize --model demo --evaluation my.pth", f"my.pth: {IMAGES}; it is neither"),
        ("quantize --model demo --classes no.txt", "no.txt does not exist; expected a file of class names"),
        ("quantize --model demo --labels images", "images is a folder; expected a table of files"),
        ("quantize --model demo --devkit no", "no does not exist; expected ImageNet's development kit"),
        ("quantize --model demo --only no", "no does not exist; expected a list of images for --only."),
        ("quantize --model demo --recipe no.toml", "the recipe 'no.toml' does not exist."),
        ("quantize --model demo --output images", "images exists and is not a bundle made by levit-edge"),
        ("quantize --model demo --output /proc/a/b", "/proc is not writable (No such file or directory)."),
        ("report bundle --output /proc/a.html", "/proc is not writable (No such file or directory)."),
        ("quantize --model demo --output file/a/b", "file is a file, expected a folder to write into."),
        ("sensitivity --checkpoint no.pth", "no.pth does not exist"),
        ("sensitivity --model demo --plot no/x.png", "no does not exist, so x.png cannot be written"),
        ("verify no --evaluation images", f"no does not exist; {BUNDLE}"),
        ("verify bundle --evaluation no", f"no does not exist; {IMAGES}"),
        ("verify x.pte --evaluation images", f"x.pte is a file; {BUNDLE} Give the folder that it is in: ."),
        ("verify my.pth --evaluation images", f"{BUNDLE} Make one of a checkpoint: levit-edge"),
        ("verify no.zip", "no.zip does not exist; expected a package made by `levit-edge package`."),
        ("verify x.zip --key no.pem", "no.pem does not exist; expected a public key (PEM)."),
        ("bench no", f"no does not exist; {BUNDLE}"),
        ("bench bundle --save file", "file is a file, expected a folder to write into. Choose another --save."),
        ("bench bundle --ssh-config no", "no does not exist; expected a configuration of ssh."),
        ("verify bundle --evaluation no --on ssh://pi --ssh-config no", "no does not exist; expected a configuration"),
        ("package no --for board", f"no does not exist; {BUNDLE}"),
        ("package x.zip --for board", f"x.zip is a file; {BUNDLE} A package is checked with `levit-edge verify`"),
        ("package bundle --for board --output no/x.zip", "no does not exist, so x.zip cannot be written there."),
        ("predict x.jpg bundle", f"x.jpg is a file; {BUNDLE} The bundle comes first, then the photographs."),
        ("predict bundle no.jpg", "no.jpg does not exist; expected a photograph."),
        ("predict bundle images", "images: no photographs in it"),
        ("predict bundle 'images/*.jpg'", "as a pattern it matches no photograph."),
        ("predict bundle --video no.mp4", "no.mp4 does not exist; expected a video."),
        ("predict bundle --from-file no.txt", "no.txt does not exist; expected a list of photographs."),
        ("predict bundle --output no/x.csv images", "no does not exist, so x.csv cannot be written there."),
        ("inspect no", f"no does not exist; expected {INSPECTED}, {CHECKPOINT}"),
        ("report no", "no does not exist; expected a bundle, a sweep's folder, or what `levit-edge"),
        ("report x.zip", "x.zip is a file; expected a bundle, a sweep's folder"),
        ("report bundle --compare no", f"no does not exist; {BUNDLE}"),
        ("sweep no.toml", "no.toml does not exist; expected a plan in TOML: docs/sweeps.md."),
        ("sweep images", "images is a folder; expected a plan in TOML: docs/sweeps.md."),
        ("sweep classes.toml", "no.txt does not exist; expected a table of classes."),
        ("sweep bundle.toml", "no does not exist; expected the folder of a bundle."),
        ("sweep plan.toml", "no.pth does not exist; expected the path of a checkpoint"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_before_anything_is_imported(place: Path, command: str, message: str) -> None:
    status, said = refused(place, command)
    assert status == "status 3, imported: []\n"
    assert message in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_all_photographs_that_cannot_be_read_are_named_in_their_order(place: Path) -> None:
    status, said = refused(place, "predict bundle no.jpg x.jpg images")
    assert status == "status 3, imported: []\n"
    lines = [
        "no.jpg does not exist; expected a photograph.",
        "x.jpg: an empty file",
        "images: no photographs in it",
    ]
    assert said == "\n  ".join(["error: 3 of 3 photographs cannot be read:", *lines]) + "\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("quantize my.pth", "Unexpected my.pth: type --checkpoint my.pth."),
        ("quantize 'my model.pth'", "Unexpected 'my model.pth': type --checkpoint 'my model.pth'."),
        ("quantize 'my images'", "type --evaluation 'my images', or --calibration 'my images'."),
        ("quantize 128S", "Unexpected 128S: type --model 128S."),
        ("quantize images", "Unexpected images: type --evaluation images, or --calibration images."),
        ("quantize facebook/levit-128S", "type --checkpoint facebook/levit-128S."),
        ("quantize nonsense", "Unexpected nonsense: quantize takes no such word, only options."),
        ("quantize --model my.pth", "demo. Is it a file? Type --checkpoint my.pth"),
        ("quantize --model demo --resize 1", "--resize: preprocessing resize is 1, expected 16 to 4096."),
        ("quantize --model demo --std 0,1,1", "--std: preprocessing std is 0.0, expected 0.001 to 1.0."),
        ("sensitivity no.pth", "Unexpected no.pth: type --checkpoint no.pth."),
        ("verify bundle images", "Unexpected images: images are given as --evaluation images."),
        ("verify bundle ssh://pi --evaluation images", "type --on ssh://pi."),
        ("verify", "Missing argument 'BUNDLE', as in: levit-edge verify my-int8"),
        ("quantize bundle", "Unexpected bundle: it is a bundle: type levit-edge report bundle, or levit-edge"),
        ("bundle", "bundle is no command but a bundle: type levit-edge report bundle, or levit-edge verify"),
        ("x.zip", "x.zip is no command but a package: type levit-edge verify x.zip."),
        ("x.jpg", "x.jpg is no command but a photograph: type levit-edge predict BUNDLE x.jpg."),
        ("quantize x.jpg", "Unexpected x.jpg: it is a photograph: type levit-edge predict BUNDLE x.jpg."),
        ("sensitivity x.pte", "Unexpected x.pte: it is a model file: type levit-edge inspect x.pte."),
        ("verify bundle bundle", "one bundle at a time; then type levit-edge verify bundle."),
        ("bench bundle bundle", "one bundle at a time; then type levit-edge bench bundle."),
        ("package bundle --for board bundle", "one bundle at a time; then type levit-edge package bundle."),
        ("bench bundle pi", "a board is given as --on pi."),
        ("package bundle --for board x.zip", "the package is named by --output x.zip."),
        ("inspect bundle --weights ema", "--weights: goes with a checkpoint, and bundle is none."),
        ("inspect x.pte --weights ema", "--weights: goes with a checkpoint, and x.pte is none."),
        ("inspect my.pth x.pte", "one at a time; then type levit-edge inspect x.pte."),
        ("sweep", "Missing argument 'PLAN.toml', as in: levit-edge sweep plan.toml"),
        ("sweep plan.toml out", "where everything goes is given as --output out."),
        ("doctor all", "Unexpected all: doctor takes no such word, only options."),
        ("my.pth", "my.pth is no command. To quantize it, type levit-edge quantize --checkpoint my.pth."),
        ("prototype.pth", "To quantize it, type levit-edge quantize --checkpoint prototype.pth."),
        ("images", "type levit-edge quantize --evaluation images, or levit-edge quantize --calibration images."),
    ],
)  # fmt: skip
def test_a_word_in_the_wrong_place_is_answered_with_what_to_type(place: Path, command: str, message: str) -> None:
    status, said = refused(place, command)
    assert status == "status 2, imported: []\n"
    assert message in said
    assert said.count("Error: ") == 1

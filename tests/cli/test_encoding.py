"""Output in encodings that lack characters, and names that are no text: replaced, never a traceback."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.cli.terminal.encoding import can_write, never_fail
from tests.integration.conftest import COMMAND

pytestmark = pytest.mark.release

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ENCODINGS = [{"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}, ASCII, {"LC_ALL": "C.UTF-8"}]
PHOTOGRAPH = b"p\xff.png"
"""No text in any encoding that file names have."""


@pytest.fixture
def place(tmp_path: Path, tiny_bundle: Path, labelled_photographs: Path) -> Path:
    """A bundle and a photograph whose names are not ASCII; the bundle has a class `blå`."""
    shutil.copytree(tiny_bundle, tmp_path / "bündle")
    shutil.copy(next(labelled_photographs.glob("red/*")), tmp_path / os.fsdecode(PHOTOGRAPH))
    return tmp_path


def output(place: Path, environment: dict[str, str], *arguments: str | bytes) -> tuple[int, bytes, bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=place, env=inherited | environment, check=False, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("environment", ENCODINGS, ids=lambda each: "-".join(each.values()))
def test_names_and_classes_are_written_or_replaced(place: Path, environment: dict[str, str]) -> None:
    status, out, err = output(place, environment, "predict", "bündle".encode(), PHOTOGRAPH, "--top", "3")
    assert (status, err) == (0, b"")
    assert out.splitlines()[0] == rb"p\udcff.png"
    names = {"latin-1": b"bl\xe5", "C.UTF-8": "blå".encode()}
    assert any(line.endswith(names.get(next(iter(environment.values())), rb"bl\xe5")) for line in out.splitlines())


@pytest.mark.parametrize("environment", ENCODINGS, ids=lambda each: "-".join(each.values()))
def test_json_stays_json(place: Path, environment: dict[str, str]) -> None:
    status, out, _ = output(place, environment, "predict", "bündle".encode(), PHOTOGRAPH, "--json")
    document = json.loads(out.decode("latin-1" if "latin-1" in environment.values() else "utf-8"))
    assert status == 0
    assert document["results"][0]["image"] == "p\udcff.png"
    assert "blå" in {guess["label"] for guess in document["results"][0]["guesses"]}


@pytest.mark.parametrize("environment", ENCODINGS, ids=lambda each: "-".join(each.values()))
@pytest.mark.parametrize("command", ["verify BUNDLE --evaluation ☃", "quantize --checkpoint ☃.pth", "quantize ☃→.pth"])
def test_errors_are_one_message(place: Path, environment: dict[str, str], command: str) -> None:
    words = [word.replace("BUNDLE", "bündle").encode() for word in command.split()]
    status, out, err = output(place, environment, *words)
    assert (status, out) == (2 if command.startswith("quantize ☃") else 3, b"")
    assert b"Traceback" not in err
    assert err.lower().count(b"error: ") == 1


def test_our_own_signs_have_plain_forms() -> None:
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="latin-1")
    never_fail(stream)
    stream.write("verify … 1 ± 2 → blå ✓ \udcff")
    stream.flush()
    assert raw.getvalue() == rb"verify ... 1 " + b"\xb1" + rb" 2 -> bl" + b"\xe5" + rb" \u2713 \udcff"
    assert can_write("blå", stream)
    assert not can_write("✓", stream)


def test_a_bundle_keeps_the_names_of_files_that_are_no_text(place: Path) -> None:
    """In its manifest, which is JSON in UTF-8."""
    old = Bundle.open(place / "bündle")
    with new_bundle(place / "new") as writer:
        for name in old.manifest.files:
            writer.add(name, old.read(name))
        source = os.fsdecode(b"im\xff")
        calibration = replace(old.manifest.calibration, source=source)
        writer.commit(replace(old.manifest, calibration=calibration))
    assert Bundle.open(place / "new").manifest.calibration.source == source
    assert rb"im\udcff" in (place / "new" / "manifest.json").read_bytes()

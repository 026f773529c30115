"""The README's example of library use, run as it stands with a small network, and type-checked."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from levit_edge import demo
from tests.faults.tiny_levit import SMALL, write_checkpoint
from tests.release.conftest import ROOT, call, succeed

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code in a folder that has the files which it names."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    folder = tmp_path_factory.mktemp("readme")
    (folder / "example.py").write_text(code)
    write_checkpoint(folder / "my-levit.pth", config=SMALL)
    (folder / "train").symlink_to(demo.calibration_dir())
    (folder / "val").symlink_to(demo.evaluation_dir())
    shutil.copy(min((demo.evaluation_dir() / "pants").iterdir()), folder / "photo.jpg")
    return folder


def test_it_runs_and_prints_drops_and_guesses(example: Path) -> None:
    lines = succeed(sys.executable, "example.py", cwd=example, PYTHONPATH=str(ROOT)).splitlines()
    files = ["fp32.pte", "int8.pte", "int8-f16.pte", "fp32.onnx", "int8.onnx"]
    assert [line.partition(":")[0] for line in lines[:5]] == files
    assert all(re.fullmatch(r"\S+: top-1 [\d.]+ %, drop (None|-?[\d.]+) points", line) for line in lines[:5])
    guesses = re.findall(r"\('(\w+)', [01]\.\d+\)", lines[5])
    assert lines[5].startswith("photo.jpg [('")
    assert len(guesses) == 3
    assert set(guesses) <= {each.name for each in demo.evaluation_dir().iterdir()}  # docs/quickstart.md has a right one
    assert (example / "my-levit-int8" / "manifest.json").is_file()


def test_a_type_checker_knows_all_that_it_uses(example: Path) -> None:
    wrong = (example / "example.py").read_text().replace('output="my-levit-int8"', "output=8")
    (example / "wrong.py").write_text(wrong)
    check = (sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases", "--cache-dir", ROOT / ".mypy_cache")
    for name, status in (("example.py", 0), ("wrong.py", 1)):
        result = call(*check, example / name, cwd=ROOT)
        assert result.returncode == status, result.stdout + result.stderr
        assert ('"quantize" has incompatible type "int"' in result.stdout) == bool(status)

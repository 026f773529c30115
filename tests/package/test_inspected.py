"""What `levit-edge inspect` says of a package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from levit_edge.cli.main import run

Captured = pytest.CaptureFixture[str]


def test_what_it_is_for_and_what_it_holds(board_package: bytes, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "colours.zip"
    path.write_bytes(board_package)
    assert run(["inspect", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["purpose"], facts["size"], facts["path"]) == ("package", "board", "demo", str(path))
    assert len(facts["class_names"]) == facts["classes"]
    assert {model["file"] for model in facts["models"]} == {"model.onnx", "model.pte"}
    assert all(model["size_bytes"] > 0 for model in facts["models"])
    assert run(["inspect", str(path)]) == 0
    assert "files: " in capsys.readouterr().out


def test_one_that_was_changed_or_cut_off_is_refused(board_package: bytes, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "colours.zip"
    middle = len(board_package) // 2
    for damaged in (board_package[:-100], board_package[:middle] + b"?" + board_package[middle + 1 :]):
        path.write_bytes(damaged)
        assert run(["inspect", str(path)]) == 3
        assert "colours.zip" in capsys.readouterr().err


def test_torch_is_not_loaded_for_it(board_package: bytes, tmp_path: Path) -> None:
    path = tmp_path / "colours.ZIP"
    path.write_bytes(board_package)
    code = (
        "import sys\nfrom pathlib import Path\nfrom levit_edge.cli.commands.inspect import describe\n"
        "print(describe(Path(sys.argv[1]))['kind'], 'torch' in sys.modules, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["package", "False", "False"]

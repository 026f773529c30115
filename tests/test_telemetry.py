"""Nothing is reported to anybody, and nothing is left in the home folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OPEN = "import {first}, onnxruntime, sys; onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])"


def files_after(first: str, bundle: Path, home: Path) -> list[str]:
    """What opening an ONNX file leaves, if the module `first` is imported before onnxruntime."""
    kept = {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH"}  # onnxruntime reports nothing either where variables speak of CI
    environment = {name: value for name, value in os.environ.items() if name in kept}
    environment |= {"HOME": str(home), "TMPDIR": str(home)}
    model = next(bundle.glob("*.onnx"))
    subprocess.run([sys.executable, "-c", OPEN.format(first=first), model], env=environment, check=True)
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_onnxruntime_leaves_no_identifier(tiny_bundle: Path, tmp_path: Path) -> None:
    assert files_after("levit_edge", tiny_bundle, tmp_path) == []


def test_onnxruntime_alone_would(tiny_bundle: Path, tmp_path: Path) -> None:
    """When this fails, onnxruntime has changed its ways, and ours can be simpler."""
    if sys.platform != "linux":
        pytest.skip("of onnxruntime's wheels for Linux")
    assert "deviceid" in files_after("os", tiny_bundle, tmp_path)

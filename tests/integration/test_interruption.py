"""Ctrl-C, at each kind of work, leaves no bundle, no half of one, and no traceback."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import COMMAND

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stage", ["read checkpoint", "calibrate", "export fp32.pte", "export int8.onnx", "verify"])
def test_ctrl_c_leaves_nothing(stage: str, tmp_path: Path) -> None:
    command = [*COMMAND, "quantize", "--model", "demo", "--output", str(tmp_path / "out" / "demo")]
    seen = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"}) as process:
        assert process.stderr is not None
        for line in process.stderr:
            seen.append(line)
            if line.startswith(stage):
                process.send_signal(signal.SIGINT)
                break
        seen += process.stderr.readlines()
    assert process.returncode == 130, "".join(seen)
    assert "interrupted; nothing was written" in seen[-1]
    assert not any("Traceback" in line for line in seen)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []

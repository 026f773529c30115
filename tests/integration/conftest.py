"""The commands as a user runs them, and a bundle of the demo made once."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "levit_edge.cli.main")


def levit_edge(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "80"}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )


def hidden(folder: Path) -> Sequence[str]:
    """What a run that did not end well could have left behind."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.fixture(scope="session")
def demo_bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The bundle of `levit-edge quantize --model demo` and the JSON that it printed."""
    output = tmp_path_factory.mktemp("bundles") / "demo"
    run = levit_edge("quantize", "--model", "demo", "--output", output, "--json")
    assert run.returncode == 0, run.stderr
    return output, json.loads(run.stdout)

"""The commands as a user runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "levit_edge.cli.main")


def levit_edge(
    *arguments: str | Path, cwd: Path | None = None, command: Sequence[str] = COMMAND
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "80"}
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )


def hidden(folder: Path) -> Sequence[str]:
    """What a run that did not end well could have left behind."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def quantize(*options: str | Path) -> dict[str, Any]:
    """Run `levit-edge quantize` and return the JSON that it printed."""
    run = levit_edge("quantize", "--json", *options)
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def quantize_stand_in(shared: Path, output: Path, *options: str) -> dict[str, Any]:
    """Make the bundle of the LeViT-128S that was trained for minutes on ten classes of Imagenette."""
    return quantize(
        *("--model", "128S", "--resize", "224", "--output", output),
        *("--checkpoint", shared / "checkpoints" / "levit-128S-imagenette.pth"),
        *("--calibration", shared / "data" / "imagenette" / "train"),
        *("--evaluation", shared / "data" / "imagenette" / "val"),
        *options,
    )

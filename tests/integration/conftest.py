"""The commands as a user runs them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

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

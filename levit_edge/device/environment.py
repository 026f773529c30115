"""`--setup`: a private Python environment on the board."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from typing import Any

from levit_edge.device.folder import sweep
from levit_edge.device.protocol import AgentError, Say

UNFINISHED = ".new-"
"""Followed by the agent's process id."""


def private_environment() -> str:
    """Where `--setup` puts Python packages: nothing of the system's is touched."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "levit-edge", "board")


def unfinished_environment() -> str:
    """Where this agent makes it."""
    return f"{private_environment()}{UNFINISHED}{os.getpid()}"


def set_up(requirements: list[Any], wheels: str | None, say: Say) -> dict[str, Any]:
    """Make the private environment, from the board's package index or from `wheels`, a folder; whole or not at all."""
    place = private_environment()
    new = unfinished_environment()
    sweep(place + UNFINISHED)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    python = os.path.join(new, "bin", "python")
    try:
        say({"progress": "set up", "step": "environment"})
        _program([sys.executable, "-m", "venv", *(["--without-pip"] if wheels else []), new])
        say({"progress": "set up", "step": "packages"})
        if wheels:
            (pip,) = glob.glob(os.path.join(wheels, "pip-*.whl"))
            install = [python, os.path.join(pip, "pip"), "install", "--no-index", "--find-links", wheels]
        else:
            install = [python, "-m", "pip", "install", "--disable-pip-version-check"]
        _program([*install, "--only-binary=:all:", *requirements])
        shutil.rmtree(place, ignore_errors=True)
        os.rename(new, place)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return {"place": place}


def _program(command: list[Any]) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise AgentError("setup", f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        kind = "disk" if "No space left" in done.stderr else "setup"
        raise AgentError(kind, "\n".join(lines[-8:]))

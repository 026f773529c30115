"""Where an agent writes: into one folder of its own, and with `--setup` into a private Python environment."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from levit_edge.device.protocol import AgentError, Say

FOLDER_PREFIX = "levit-edge-agent-"
UNFINISHED = ".new-"
"""Both are followed by the agent's process id."""


def own_folder(needed: int) -> str:
    """A new folder where so many bytes fit; those of agents that are gone are removed."""
    home = os.path.expanduser("~")
    places = [tempfile.gettempdir(), "/var/tmp", os.path.join(home, ".cache"), home]  # noqa: S108 - mkdtemp is safe
    found = []
    for place in dict.fromkeys(place for place in places if os.path.isdir(place) and os.access(place, os.W_OK)):
        sweep(os.path.join(place, FOLDER_PREFIX))
        free = shutil.disk_usage(place).free
        if free >= needed:
            return tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=place)
        found.append(f"{place} has {free >> 20}")
    raise AgentError(
        "disk", f"{1 + (needed >> 20)} MiB are needed for the files, and {', '.join(found) or 'no folder is'} free"
    )


def sweep(prefix: str) -> None:
    """Remove our folders called `prefix` and a process id, if no such process is there."""
    for left in glob.glob(glob.escape(prefix) + "*"):
        owner = left[len(prefix) :].partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and os.stat(left).st_uid == os.getuid() and not os.path.exists(f"/proc/{owner}"):
                shutil.rmtree(left, ignore_errors=True)


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
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise AgentError("setup", f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        kind = "disk" if "No space left" in done.stderr else "setup"
        raise AgentError(kind, "\n".join(lines[-8:]))

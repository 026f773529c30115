"""The one folder that an agent writes into."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import tempfile

from levit_edge.device.protocol import AgentError

FOLDER_PREFIX = "levit-edge-agent-"
"""Followed by the agent's process id."""


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

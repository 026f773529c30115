"""Processes of this machine, as /proc tells of them."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["connected_to", "kill", "listens", "parent", "tree", "wait_for", "workers"]


def workers(run_or_store: str) -> list[int]:
    """The processes of levit-edge that do tasks of that run, or for that store."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            if "levit_edge.sweep.engines.local_worker" in arguments and any(run_or_store in each for each in arguments):
                found.append(int(entry.name))
    return found


def connected_to(port: int) -> list[int]:
    """The processes that have a connection to that port of 127.0.0.1."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{each[9]}]" for each in lines if each[2] == f"0100007F:{port:04X}"}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if sockets & {str(each.readlink()) for each in (entry / "fd").iterdir() if each.is_symlink()}:
                found.append(int(entry.name))
    return found


def listens(port: int) -> bool:
    """Whether somebody answers at that port of 127.0.0.1."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def tree(root: int) -> list[int]:
    """A process, its children, theirs and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, IndexError, ValueError):
            children.setdefault(parent(int(entry.name)), []).append(int(entry.name))
    found = [root]
    for each in found:
        found += children.get(each, [])
    return found


def kill(*processes: int, number: int = signal.SIGKILL) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.05)

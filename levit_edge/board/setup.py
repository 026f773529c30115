"""`--setup`: a private Python environment on a board, from its package index or from wheels fetched here."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from levit_edge.board.packages import python_version, requirements
from levit_edge.board.session import Progress, Session
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.kinds import Runtime
from levit_edge.errors import BoardError
from levit_edge.text import entries, text

__all__ = ["platforms", "set_up"]

ROOM = 256 << 20
"""For what pip unpacks, besides the wheels."""
OLDEST_GLIBC_MINOR = 17
"""The minor version of manylinux2014's glibc."""
LONGEST_PATH = 300
MACHINES = frozenset({"aarch64", "armv7l", "x86_64"})


def set_up(
    transport: Transport,
    runtimes: Collection[Runtime] | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    timeout_s: float | None = None,
) -> str:
    """Make the environment and return its folder on the board; one that is there already is replaced.

    `offline` fetches the wheels here and sends them, for a board without network. Without `runtimes` it is those that
    are light there: ExecuTorch only where executorch-numpy-runtime exists for the board's Python.

    Raises:
        BoardError: the board is emulated here, cannot be reached or has no venv, or a package cannot be had for it.
    """
    if transport.emulator is not None:
        raise BoardError(f"{transport.name} has its packages from scripts/board/setup.sh: leave --setup out.")
    connected = partial(Session, transport, progress=progress, timeout_s=timeout_s, begun=time.monotonic())
    with connected(needed_bytes=0) as session:
        hello = session.ask("hello")
        wanted = requirements(hello, runtimes or _light(hello))
        if not offline:
            return text(session.ask("setup", requirements=list(wanted), wheels=False).get("place"), LONGEST_PATH)
    with tempfile.TemporaryDirectory() as folder:
        if progress is not None:
            progress("fetch packages", 0, None)
        wheels = _fetch(transport.name, hello, wanted, Path(folder))
        needed = ROOM + sum(wheel.stat().st_size for wheel in wheels)
        with connected(needed_bytes=needed) as session:
            for wheel in wheels:
                session.put(wheel.name, wheel.read_bytes())
            return text(session.ask("setup", requirements=list(wanted), wheels=True).get("place"), LONGEST_PATH)


def platforms(machine: str, libc: Sequence[str]) -> tuple[str, ...]:
    """The wheel platforms that a system of this architecture and C library takes, the newest first (PEP 600).

    Raises:
        BoardError: there is none that is known.
    """
    library, version = libc if len(libc) == 2 else ("", "")
    major, _, minor = version.partition(".")
    if machine not in MACHINES or library != "glibc" or major != "2" or not minor.isdigit():
        raise BoardError(
            f"which wheels a board with {machine} and {' '.join(libc) or 'an unknown C library'} takes is not known"
            " here: install numpy and onnxruntime on it by its own means, and name that Python with --python."
        )
    versions = range(min(int(minor), 99), OLDEST_GLIBC_MINOR - 1, -1)
    return (*(f"manylinux_2_{each}_{machine}" for each in versions), f"manylinux2014_{machine}")


def _light(hello: Mapping[str, Any]) -> list[Runtime]:
    """Those whose lightest package is there for the board's Python; those that ask for least come first."""
    needed = {each: next(iter(each.entry.packages.values())) for each in Runtime}
    return [each for each in sorted(needed, key=lambda each: needed[each]) if python_version(hello) >= needed[each]]


def _fetch(board: str, hello: Mapping[str, Any], wanted: Sequence[str], folder: Path) -> list[Path]:
    abi = entries(hello.get("abi"))
    libc = abi.get("libc")
    tags = platforms(text(abi.get("machine"), 20), [text(each, 20) for each in libc] if isinstance(libc, list) else [])
    major, minor = python_version(hello)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    command += ["--only-binary=:all:", *(part for tag in tags for part in ("--platform", tag))]
    command += ["--python-version", f"{major}.{minor}", "--implementation", "cp"]
    command += [part for name in (f"cp{major}{minor}", "abi3", "none") for part in ("--abi", name)]
    whole = [*command, *wanted, "pip"]
    done = subprocess.run(whole, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        faults = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()[-300:]]
        raise BoardError(
            f"{board}: {', '.join(wanted)} cannot be fetched for Python {major}.{minor} on {tags[-1]}: {faults[-1]}"
        )
    return sorted(folder.glob("*.whl"))

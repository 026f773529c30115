"""What a way to a board has to do: start the agent there, and say in words why it did not."""

import hashlib
import shlex
from collections.abc import Sequence
from typing import Protocol

from levit_edge.device.sources import HOME, SOURCES

__all__ = ["Transport", "agent_source", "boot_arguments", "last_line", "shell_launch"]

BOOT = (
    "import sys;"
    "v=sys.version_info[:2];"
    'v<(3,9)and sys.exit("levit-edge: Python %d.%d is too old, 3.9 or newer is needed"%v);'
    "sys.path[:]=filter(None,sys.path);"
    "import hashlib;b=sys.stdin.buffer.read(int(sys.argv[1]));"
    'hashlib.sha256(b).hexdigest()==sys.argv[2]or sys.exit("levit-edge: the agent did not arrive as it was sent");'
    'exec(compile(b,"levit-edge-agent","exec"),{"__name__":"levit-edge-agent"});'
    "import importlib;importlib.import_module(sys.argv[3]).main()"
)
"""Takes the agent from standard input, and runs it only if its SHA-256 is that on the command line. Nothing is imported
from the folder where the login happens to begin. It has no single quote and no line break, so that every login shell
takes it."""
PRIVATE_PYTHON = '"${XDG_DATA_HOME:-$HOME/.local/share}/levit-edge/board/bin/python"'
"""What `--setup` makes; see `levit_edge.device.folder.private_environment`."""
NO_PYTHON = 127


class Transport(Protocol):
    """A way to one board."""

    name: str
    """As the user wrote it."""
    emulator: str | None = None
    """Which processor is emulated, if that is known beforehand."""

    def command(self, boot: Sequence[str]) -> list[str]:
        """The program to start here, so that Python runs there with the arguments `boot`, our pipes its pipes."""

    def explain(self, status: int, stderr: str) -> str:
        """Why the program ended with `status` before the agent spoke: what was found and what to do."""


def agent_source() -> bytes:
    """What is sent to a board: a program after which the modules of `levit_edge.device` can be imported there."""
    texts = {f"levit_edge/{name}": (HOME / name).read_text(encoding="utf-8") for name in SOURCES}
    return f"{texts['levit_edge/device/importer.py']}\n\ninstall({texts!r})\n".encode()


def boot_arguments(source: bytes, module: str, *arguments: object) -> list[str]:
    """Arguments of Python that take `source` from standard input, run it, and then the `main` of one of its modules."""
    return ["-u", "-c", BOOT, str(len(source)), hashlib.sha256(source).hexdigest(), module, *map(str, arguments)]


def shell_launch(boot: Sequence[str], python: str | None) -> str:
    """A line for the board's shell: run `python`, or else the private environment's, or else the system's."""
    found = f'p={PRIVATE_PYTHON}; [ -x "$p" ] || p=python3'
    choice = found if python is None else f"p={shlex.quote(python)}"
    script = f'{choice}; command -v "$p" >/dev/null 2>&1 || exit {NO_PYTHON}; exec "$p" {shlex.join(boot)}'
    return f"exec sh -c {shlex.quote(script)}"


def last_line(said: str) -> str:
    """What a program that failed said last."""
    return (said.strip().splitlines() or ["no message"])[-1].strip()

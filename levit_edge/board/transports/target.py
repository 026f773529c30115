"""From what a user writes after `--on` to a way to the board."""

from pathlib import Path

from levit_edge.board.transports.adb import AdbTransport
from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.transports.qemu import QemuTransport
from levit_edge.board.transports.ssh import SshTransport
from levit_edge.board.transports.transport import Transport
from levit_edge.errors import BoardError

__all__ = ["FORMS", "open_target"]

FORMS = "local, ssh://user@host:port, adb, adb:SERIAL, qemu:cortex-a76"
"""`bench` also takes `web`, which is no way to a board: `levit_edge.board.web.browser`."""


def open_target(target: str, *, python: str | None = None, ssh_config: Path | None = None) -> Transport:
    """The way to the board `target`; nothing is connected yet.

    `python` is the interpreter to use there, `ssh_config` a file instead of ~/.ssh/config.

    Raises:
        BoardError: it is none of `FORMS`, or no such processor can be emulated here.
    """
    if target == "local":
        return LocalTransport(python)
    if target.startswith("ssh://"):
        return SshTransport(target, python=python, config=ssh_config)
    if target.partition(":")[0] == "adb":
        return AdbTransport(target, python=python)
    if target.startswith("qemu:"):
        if python is not None:
            raise BoardError(f"{target} has a Python of its own: leave --python out, or give it to other boards alone.")
        return QemuTransport(target)
    raise BoardError(f"{target!r} is not a board; expected one of {FORMS}.")

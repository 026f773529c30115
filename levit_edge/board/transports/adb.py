"""A phone or a board over adb: the agent runs in the device's shell, or inside Termux where only that has Python.

Termux is an app with a Linux userland of its own. adb may enter it by `run-as` if it was built debuggable, as the APKs
of its GitHub releases are and those of F-Droid are not (termux/termux-app#4389).
"""

import shlex
from collections.abc import Callable, Sequence

from levit_edge.board.transports.adb_device import AdbDevice
from levit_edge.board.transports.transport import NO_PYTHON, Transport, last_line, shell_launch
from levit_edge.errors import NoPythonError

__all__ = ["AdbTransport"]

TERMUX = "/data/data/com.termux/files"
TERMUX_SETTINGS = f"export PREFIX={TERMUX}/usr HOME={TERMUX}/home TMPDIR={TERMUX}/usr/tmp PATH={TERMUX}/usr/bin:$PATH"
"""The settings that Python needs, of the environment that the app gives its own shells."""
SHELL_SETTINGS = '[ -n "$TMPDIR" ] || [ ! -d /data/local/tmp ] || export TMPDIR=/data/local/tmp'
"""Android has no /tmp; this is where its shell may write."""


class AdbTransport(Transport):
    """`adb` or `adb:SERIAL`.

    Raises:
        BoardError: see `AdbDevice`.
    """

    def __init__(self, name: str, *, python: str | None = None) -> None:
        self.name = name
        self.device = AdbDevice(name)
        self._python = python

    def command(self, boot: Sequence[str]) -> list[str]:
        """Start adb, once it is known where the device has Python.

        Raises:
            BoardError: the device is not there or not ready; see `AdbDevice.command`.
            NoPythonError: it has no Python.
        """
        return self.device.command(self._place()(shell_launch(boot, self._python)))

    def explain(self, status: int, stderr: str) -> str:
        """What adb says, or else the device's Python."""
        complaint = self.device.complaint(stderr)
        if complaint is not None:
            return f"{complaint}."
        return f"the device's Python ended with status {status}: {last_line(stderr)}."

    def _place(self) -> Callable[[str], str]:
        """How a line of shell is run where the device has Python."""
        script = shell_launch(["--version"], self._python)
        if self.device.shell(_in_shell(script)).returncode != NO_PYTHON:
            return _in_shell
        termux = self.device.shell(_in_termux(script))
        if termux.returncode == 0:
            return _in_termux
        python = self._python or "python3"
        if b"not debuggable" in termux.stderr:
            raise NoPythonError(
                f"{self.name}: there is no {python} on the device but perhaps in Termux, which adb may not enter as it"
                " is not debuggable. Install the Termux of its GitHub releases instead; or in Termux `pkg install"
                " openssh && sshd`, here `adb forward tcp:8022 tcp:8022`, and measure --on ssh://127.0.0.1:8022."
            )
        raise NoPythonError(
            f"{self.name}: there is no {python} on the device. On Android install Termux (of its GitHub releases) and"
            " in it `pkg install python-numpy python-onnxruntime`; on Linux install Python 3.9 or newer; or name"
            " another one with --python."
        )


def _in_shell(script: str) -> str:
    return f"{SHELL_SETTINGS}; {script}"


def _in_termux(script: str) -> str:
    return f"exec run-as com.termux sh -c {shlex.quote(f'{TERMUX_SETTINGS}; {script}')}"

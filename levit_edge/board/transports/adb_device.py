"""A device that the system's `adb` knows: found in its list, and given commands.

Which devices there are, and that they trust this computer, is between the user and adb; nothing is connected or paired
here. Every command names the serial number (`-s`), as adb also lists emulators that it finds by itself.
"""

import shlex
import shutil
import subprocess
from functools import cached_property
from pathlib import Path

from levit_edge.board.transports.transport import last_line
from levit_edge.errors import BoardError
from levit_edge.text import reason

__all__ = ["AdbDevice", "parse_devices"]

PATIENCE_S = 60.0
"""For a short command; an emulated device needs some."""
READY = "device"
ADVICE = (
    ("unauthorized", "it does not trust this computer yet: unlock it and allow USB debugging on its screen (if it does"
     " not ask, plug it in again)"),
    ("authorizing", "it is being asked whether it trusts this computer: unlock it and answer on its screen"),
    ("offline", "it does not answer adb: plug it in again, or `adb disconnect` and `adb connect` it"),
    ("no permissions", "this user may not open the USB device: Debian's android-sdk-platform-tools-common has"
     " the udev rules for it; then `adb kill-server` and plug it in again"),
)  # fmt: skip
"""What `adb devices` says of a device, and what to do."""
COMPLAINTS = (
    ("target doesn't support PTY args", "its adbd is too old to keep the agent's bytes apart: Android 7 or newer is"
     " needed"),
    ("' not found", "it is not connected any more"),
    ("cannot connect to daemon", "adb's own server cannot be reached: `adb kill-server` and try again"),
    ("error: closed", "it closed the connection: plug it in again, or `adb disconnect` and `adb connect` it"),
)  # fmt: skip
"""What adb itself says when a command does not get as far as the device, and what to do."""


class AdbDevice:
    """`adb`, the only device, or `adb:SERIAL`, where a serial number may have colons: `adb:192.168.0.7:5555`.

    Nothing is asked of adb before the first command.

    Raises:
        BoardError: the name has no serial number after its colon, or one that cannot be.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        scheme, colon, serial = name.partition(":")
        if scheme != "adb" or (colon and not (serial.isprintable() and serial and " " not in serial)):
            raise BoardError(
                f"{name!r} is not a device; expected adb, or adb:SERIAL with what `adb devices` shows in its first"
                " column."
            )
        self._wanted = serial or None

    def command(self, script: str) -> list[str]:
        """The program to start here so that the device's shell runs `script`, our pipes its pipes.

        `-T`: no terminal, so that bytes arrive as they are and the exit status comes back.

        Raises:
            BoardError: there is no adb here, or not exactly this one device that is ready.
        """
        return [*self._adb, "shell", "-T", script]

    def shell(self, script: str, *, patience_s: float = PATIENCE_S) -> subprocess.CompletedProcess[bytes]:
        """Run a short `script` in the device's shell and wait for it.

        Raises:
            BoardError: as for `command`, or the device is lost or does not answer.
        """
        done = self._run(self.command(script), patience_s)
        self._require_reached(done)
        return done

    def push(self, folder: Path, there: str, *, patience_s: float = PATIENCE_S) -> None:
        """Copy a folder to the device, as `there`, which must not exist; everybody on the device may read it.

        Raises:
            BoardError: as for `shell`, or it cannot be written there.
        """
        done = self._run([*self._adb, "push", str(folder), there], patience_s)
        self._require_reached(done)
        if done.returncode == 0:
            done = self.shell(f"chmod -R a+rX {shlex.quote(there)}")
        if done.returncode:
            said = (done.stdout + done.stderr).decode("utf-8", "replace")  # a failed push says so on stdout
            line = next((line for line in said.splitlines() if "error" in line.lower()), said)
            raise BoardError(f"{self.name}: {there} cannot be written on the device: {reason(line, 400)}.")

    def _require_reached(self, done: subprocess.CompletedProcess[bytes]) -> None:
        complaint = self.complaint(done.stderr.decode("utf-8", "replace")) if done.returncode else None
        if complaint is not None:
            raise BoardError(f"{self.name}: {complaint}.")

    def complaint(self, stderr: str) -> str | None:
        """What is wrong, if it is adb itself that speaks in `stderr`."""
        lines = [line.strip() for line in stderr.splitlines() if line.startswith(("adb: ", "error: "))]
        if not lines:
            return None
        known = (advice for said, advice in (*COMPLAINTS, *ADVICE) if said in stderr)
        return f"{next(known, 'adb failed')} ({lines[-1]})"

    @cached_property
    def _adb(self) -> list[str]:
        """The command line of adb for this device, which was found ready, up to what it is to do."""
        adb = shutil.which("adb")
        if adb is None:
            raise BoardError(
                "there is no adb here: install it (Debian: `apt install adb`; elsewhere Android's SDK Platform-Tools)."
            )
        done = self._run([adb, "devices"], PATIENCE_S)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace")
            raise BoardError(f"{self.name}: `adb devices` failed: {last_line(said)}.")
        devices = parse_devices(done.stdout.decode("utf-8", "replace"))
        serial = self._choose(devices)
        if devices[serial] != READY:
            raise BoardError(f"{self.name}: {_explain_state(devices[serial])}.")
        return [adb, "-s", serial]

    def _choose(self, devices: dict[str, str]) -> str:
        listed = ", ".join(f"{serial} ({state})" for serial, state in devices.items())
        if self._wanted is None:
            if len(devices) == 1:
                return next(iter(devices))
            if devices:
                raise BoardError(
                    f"adb lists {len(devices)} devices, {listed}: say which, such as --on adb:{next(iter(devices))}."
                )
            raise BoardError(
                "adb lists no device: allow USB debugging in the phone's developer options and plug it in, or `adb"
                " connect` it."
            )
        if self._wanted in devices:
            return self._wanted
        connect = f": `adb connect {self._wanted}` first" if ":" in self._wanted else ""
        raise BoardError(f"{self.name} is not connected{connect}; adb lists {listed or 'no device'}.")

    def _run(self, command: list[str], patience_s: float) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=patience_s,
                start_new_session=True,  # a server that adb starts is not for our Ctrl-C
            )
        except subprocess.TimeoutExpired:
            raise BoardError(
                f"{self.name}: no answer through adb for {patience_s:.0f} s; the device is lost."
            ) from None
        except OSError as error:
            raise BoardError(f"{self.name}: {command[0]} cannot be started ({error.strerror}).") from error


def parse_devices(listing: str) -> dict[str, str]:
    """Serial number -> state, of what `adb devices` prints: a heading, and a line with a tab for each device.

    Two devices that adb cannot tell apart, as it may not open them, are one here.
    """
    lines = (line.partition("\t") for line in listing.splitlines())
    return {serial.strip(): state.strip() for serial, tab, state in lines if tab}


def _explain_state(state: str) -> str:
    for said, advice in ADVICE:
        if state.startswith(said):
            return f"{advice} (adb says: {state})"
    return f"it is in the state {state!r}, not running its system: start it normally"

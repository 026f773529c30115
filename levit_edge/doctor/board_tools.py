"""What reaches boards, and what emulates them."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from levit_edge.board.transports.qemu import CPUS, SETUP, Emulator, default_folder
from levit_edge.doctor.check import Check, CheckStatus

__all__ = ["check_adb", "check_counting", "check_emulated_boards", "check_ssh"]

TIMEOUT_S = 5.0


def check_ssh() -> Check:
    """OpenSSH's client, for boards by network."""
    return _program("ssh", ["-V"], "for `bench --on ssh://…`: install openssh-client")


def check_adb() -> Check:
    """Android's debug bridge, for phones by cable."""
    return _program("adb", ["version"], "for `bench --on adb`: install adb (Android's platform-tools)")


def check_emulated_boards() -> Check:
    """For `bench --on qemu:…` and the tests on aarch64."""
    name, emulator = "emulated boards", _emulator()
    folder, setup = emulator.folder, _setup(emulator)
    if not folder.is_dir():
        return Check(name=name, status=CheckStatus.MISSING, found=f"{folder} is not there", advice=setup)
    absent = _absent(emulator, (emulator.program, emulator.python, emulator.packages))
    if absent:
        return Check(name=name, status=CheckStatus.PROBLEM, found=f"{folder} lacks {absent}", advice=setup)
    answer = _first_line([str(emulator.program), "--version"])
    if answer is None:
        found = f"{emulator.program} does not run"
        return Check(name=name, status=CheckStatus.PROBLEM, found=found, advice=f"remove {folder}, and {setup}")
    return Check(name=name, status=CheckStatus.OK, found=f"{answer}, in {folder}")


def check_counting() -> Check:
    """A qemu that counts instructions."""
    name, emulator = "instruction counts", _emulator()
    if emulator.counts:
        return Check(name=name, status=CheckStatus.OK, found=str(emulator.counting_program))
    absent = _absent(emulator, (emulator.counting_program, emulator.counting_plugin))
    found = f"{emulator.folder} lacks {absent}"
    return Check(name=name, status=CheckStatus.MISSING, found=found, advice=f"{_setup(emulator)} --counting")


def _emulator() -> Emulator:
    """The emulator of any processor: the files are the same."""
    return Emulator(cpu=CPUS[0], folder=default_folder())


def _setup(emulator: Emulator) -> str:
    return f"in a clone, on Debian on x86-64, as root: {SETUP} {emulator.folder}"


def _absent(emulator: Emulator, paths: Iterable[Path]) -> str:
    return ", ".join(str(path.relative_to(emulator.folder)) for path in paths if not path.exists())


def _program(name: str, version: list[str], advice: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name=name, status=CheckStatus.MISSING, found="not on PATH", advice=advice)
    answer = _first_line([path, *version])
    if answer is None:
        return Check(name=name, status=CheckStatus.PROBLEM, found=f"{path} does not run", advice=advice)
    return Check(name=name, status=CheckStatus.OK, found=answer)


def _first_line(command: list[str]) -> str | None:
    """The first line of what a program says of its version, which ssh does on stderr; None if it cannot be run."""
    try:
        result = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = (result.stdout or result.stderr).splitlines()
    return lines[0].strip() if lines else None

"""What reaches boards, and what emulates them."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from levit_edge.board.transports.qemu import CPUS, SETUP, Emulator, default_folder
from levit_edge.doctor.check import Check, CheckStatus

__all__ = ["check_adb", "check_counting", "check_emulated_boards", "check_ssh"]

TIMEOUT_S = 5.0


def check_ssh() -> Check:
    """OpenSSH's client, for boards by network."""
    return _program("ssh", "-V", "for `bench --on ssh://…`: install openssh-client")


def check_adb() -> Check:
    """Android's debug bridge, for phones by cable."""
    return _program("adb", "version", "for `bench --on adb`: install adb (Android's platform-tools)")


def check_emulated_boards() -> Check:
    """For `bench --on qemu:…` and the tests on aarch64."""
    name, emulator = "emulated boards", _emulator()
    folder, setup = emulator.folder, _setup(emulator)
    if not folder.is_dir():
        return Check(name, CheckStatus.MISSING, f"{folder} is not there", setup)
    absent = _absent(emulator, (emulator.program, emulator.python, emulator.packages))
    if absent:
        return Check(name, CheckStatus.PROBLEM, f"{folder} lacks {absent}", setup)
    answer = _first_line([emulator.program, "--version"])
    if answer is None:
        return Check(name, CheckStatus.PROBLEM, f"{emulator.program} does not run", f"remove {folder}, and {setup}")
    return Check(name, CheckStatus.OK, f"{answer}, in {folder}")


def check_counting() -> Check:
    """A qemu that counts instructions."""
    name, emulator = "instruction counts", _emulator()
    if emulator.counts:
        return Check(name, CheckStatus.OK, str(emulator.counting_program))
    absent = _absent(emulator, (emulator.counting_program, emulator.counting_plugin))
    return Check(name, CheckStatus.MISSING, f"{emulator.folder} lacks {absent}", f"{_setup(emulator)} --counting")


def _emulator() -> Emulator:
    """The emulator of any processor: the files are the same."""
    return Emulator(cpu=CPUS[0], folder=default_folder())


def _setup(emulator: Emulator) -> str:
    return f"in a clone, on Debian on x86-64, as root: {SETUP} {emulator.folder}"


def _absent(emulator: Emulator, paths: Iterable[Path]) -> str:
    return ", ".join(str(path.relative_to(emulator.folder)) for path in paths if not path.exists())


def _program(name: str, version: str, advice: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, CheckStatus.MISSING, "not on PATH", advice)
    answer = _first_line([path, version])
    if answer is None:
        return Check(name, CheckStatus.PROBLEM, f"{path} does not run", advice)
    return Check(name, CheckStatus.OK, answer)


def _first_line(command: Sequence[str | Path]) -> str | None:
    """The first line of what a program says of its version, which ssh does on stderr; None if it cannot be run."""
    try:
        result = subprocess.run(
            command,
            check=True,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = (result.stdout or result.stderr).splitlines()
    return lines[0].strip() if lines else None

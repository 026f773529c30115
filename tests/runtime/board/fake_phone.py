"""A pretended phone behind a pretended `adb`, for what no device here can show: Android's programs, Termux, the app.

Its shell is this machine's, with nothing in its PATH but the programs that a test puts there, and with /sdcard and
Termux in a folder of the test. tests/arm has a real adbd.
"""

import shutil
import stat
from pathlib import Path

SERIAL = "0A041FDD400327"
READY = f"List of devices attached\n{SERIAL}\tdevice\n\n"
TERMUX = "/data/data/com.termux/files"
APP_FILES = "Android/data/dev.levitedge.demo/files"


class FakePhone:
    """The phone in `folder`; what `adb devices` lists is in its file `devices`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs = folder, folder / "programs"
        self.sdcard, self.termux = folder / "sdcard", folder / "termux"
        for each in (self.programs, self.sdcard / APP_FILES, self.termux / "usr" / "bin", self.termux / "usr" / "tmp"):
            each.mkdir(parents=True)
        for program in ("cat", "grep", "head", "nproc", "rm", "sed", "sh", "sleep", "uname"):
            (self.programs / program).symlink_to(shutil.which(program) or "/bin/false")
        self.lists(READY)
        self._write(folder / "adb", self._adb())

    def lists(self, devices: str) -> None:
        """Let `adb devices` print this."""
        (self.folder / "devices").write_text(devices)

    def has(self, program: str, script: str) -> None:
        """Put a program into the PATH of its shell."""
        self._write(self.programs / program, script)

    def is_android(self, *, app: bool = False) -> None:
        """Give it Android's own programs, and the demo app."""
        self.has("pm", "echo package:/data/app/base.apk" if app else "exit 1")
        self.has(
            "getprop",
            "case $1 in *manufacturer) echo Google;; ro.product.model) echo Pixel 7;; *soc*) echo Tensor G2;;"
            " *release) echo 14;; *sdk) echo 34;; esac",
        )

    def has_termux(self, python: Path | None) -> None:
        """Give it Termux, which adb may enter if it has `python`."""
        if python is None:
            self.has("run-as", "echo run-as: package not debuggable: com.termux >&2; exit 1")
            return
        self.has("run-as", '[ "$1" = com.termux ] && shift && exec "$@"')
        self._write(self.termux / "usr" / "bin" / "python3", f'exec {python} "$@"')

    def app_answers(self, result: str, says: str = "Status: ok", running: bool = False, after_s: float = 0) -> None:
        """Let the app write `result`, if there is any, with the extras of the call for @nonce@ and @threads@."""
        (self.folder / "result.json").write_text(result)
        write = f'sed "s/@nonce@/$nonce/;s/@threads@/$threads/" {self.folder}/result.json'
        self.has(
            "am",
            f'echo "$*" >> {self.folder}/am.log; [ $1 = start ] || exit 0; echo "{says}"\n'
            "while [ $# -gt 1 ]; do\n"
            "case $1 in output) name=$2;; nonce) nonce=$2;; threads) threads=$2;; esac; shift; done\n"
            f"[ -s {self.folder}/result.json ] || exit 0\n"
            f"(sleep {after_s}; {write} > {self.sdcard}/{APP_FILES}/$name) > /dev/null 2>&1 {'&' if after_s else ''}",
        )
        self.has("pidof", "true" if running else "false")

    @property
    def am_log(self) -> list[str]:
        """What the activity manager was told."""
        log = self.folder / "am.log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def app_files(self) -> list[str]:
        """What is left in the app's folder."""
        return [path.name for path in (self.sdcard / APP_FILES).iterdir()]

    def _adb(self) -> str:
        return (
            f'[ "$1" = devices ] && exec cat {self.folder}/devices\n'
            f'[ "$1 $2 $3 $4" = "-s {SERIAL} shell -T" ] || {{ echo "adb: $*" >&2; exit 1; }}\n'
            f'script=$(printf %s "$5" | sed "s#/sdcard#{self.sdcard}#g;s#{TERMUX}#{self.termux}#g")\n'
            f'HOME={self.folder} PATH={self.programs} exec /bin/sh -c "$script"'
        )

    @staticmethod
    def _write(path: Path, script: str) -> None:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

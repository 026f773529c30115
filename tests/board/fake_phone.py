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
SHELLS_TMP = "/data/local/tmp"
PROGRAMS = ("cat", "chmod", "grep", "head", "mv", "nproc", "rm", "sed", "sh", "sha256sum", "sleep", "uname")
APP_FILES = "Android/data/dev.levitedge.demo/files"


class FakePhone:
    """The phone in `folder`; what `adb devices` lists is in its file `devices`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs = folder, folder / "programs"
        self.sdcard, self.termux, self.tmp = folder / "sdcard", folder / "termux", folder / "tmp"
        for each in (
            self.programs,
            self.tmp,
            self.sdcard / APP_FILES,
            self.termux / "usr" / "bin",
            self.termux / "usr" / "tmp",
        ):
            each.mkdir(parents=True)
        for program in PROGRAMS:
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
        """Let the app write `result`, if there is any, with the extras of the call for @nonce@ and @threads@.

        @model@ becomes the SHA-256 of the model that it was sent.
        """
        (self.folder / "result.json").write_text(result)
        write = (
            "model=$(sha256sum $package/model.pte); model=${model%% *};"
            ' sed "s/@nonce@/$nonce/;s/@threads@/$threads/;s/@model@/$model/"'
            f" {self.folder}/result.json"
        )
        self.has(
            "am",
            f'echo "$*" >> {self.folder}/am.log; [ $1 = start ] || exit 0; echo "{says}"\n'
            "while [ $# -gt 1 ]; do\n"
            "case $1 in output) name=$2;; nonce) nonce=$2;; package) package=$2;; threads) threads=$2;; esac; shift\n"
            "done\n"
            f"[ -s {self.folder}/result.json ] || exit 0\n"
            f"cd {self.sdcard}/{APP_FILES}\n"
            f"(sleep {after_s}; {write} > partial; mv partial $name) > /dev/null 2>&1 {'&' if after_s else ''}",
        )
        self.has("pidof", "true" if running else "false")

    def is_full(self, says: str) -> None:
        """Let what is sent to it break off at its end."""
        (self.folder / "full").write_text(says)

    @property
    def am_log(self) -> list[str]:
        """What the activity manager was told."""
        log = self.folder / "am.log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def sent_files(self) -> list[str]:
        """What is left of what was sent to it."""
        return [str(path.relative_to(self.tmp)) for path in self.tmp.rglob("*")]

    @property
    def app_files(self) -> list[str]:
        """What is left in the app's folder."""
        return [path.name for path in (self.sdcard / APP_FILES).iterdir()]

    def _adb(self) -> str:
        folders = {"/sdcard": self.sdcard, TERMUX: self.termux, SHELLS_TMP: self.tmp}
        there = ";".join(f"s#{name}#{folder}#g" for name, folder in folders.items())
        return (
            f'[ "$1" = devices ] && exec cat {self.folder}/devices\n'
            f'last=$(for last; do :; done; printf %s "$last" | sed "{there}")\n'
            f'[ "$1 $2 $3" = "-s {SERIAL} push" ] && {{\n'
            f'cp -r "$4" "$last"; ! cat {self.folder}/full 2> /dev/null; exit\n}}\n'
            f'[ "$1 $2 $3 $4" = "-s {SERIAL} shell -T" ] || {{ echo "adb: $*" >&2; exit 1; }}\n'
            f'HOME={self.folder} PATH={self.programs} exec /bin/sh -c "$last"'
        )

    @staticmethod
    def _write(path: Path, script: str) -> None:
        path.unlink(missing_ok=True)  # it may be a link to this machine's own program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

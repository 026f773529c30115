"""An emulated board as a test has it: started by scripts/board/start.sh, looked into from outside.

Its processes and files are read in /proc of this machine, so that looking changes nothing on the board, needs no
programs there, and works on one whose disk is full.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts" / "board"
WRITABLE = ("tmp", "root", "home", "dev/shm", "data/local/tmp")
"""Folders in which a program on a board may leave files."""
SERVERS = {"dropbear", "adbd"}


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board that runs; `start` makes one."""

    folder: Path
    port: int
    adb_port: int | None
    process: subprocess.Popen[str]

    @classmethod
    def start(cls, parts: Path, name: str, adb: bool = False, **options: str | int | bool) -> "Board":
        """Start a board of the `parts` that setup.sh made, with start.sh's options: `cpu="cortex-a53"`,
        `tmp_size="4M"`, `without_numpy=True`.

        Raises:
            RuntimeError: it does not start, and why.
        """
        port, adb_port = free_ports(2)
        command = [SCRIPTS / "start.sh", parts, "--name", name, "--port", port, *(["--adb", adb_port] if adb else [])]
        for option, value in options.items():
            if value is not False:
                command += [f"--{option.replace('_', '-')}", *([] if value is True else [value])]
        process = subprocess.Popen(
            # pdeathsig: boards end with the tests, also when those are killed
            ["setpriv", "--pdeathsig", "TERM", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a Ctrl-C is for the tests, which then stop their boards
        )
        board = cls(folder=parts / "boards" / name, port=port, adb_port=adb_port if adb else None, process=process)
        said = ""
        for line in process.stdout or []:
            said += line
            if line.startswith("ssh://"):
                return board
        board.stop()
        raise RuntimeError(f"{' '.join(map(str, command))}: {said}")

    @property
    def address(self) -> str:
        """Its address as `levit-edge bench --on` takes it."""
        return f"ssh://root@127.0.0.1:{self.port}"

    @property
    def ssh_config(self) -> Path:
        """What ssh has to be told (-F): the keys on both sides. Those of several boards can be put into one file."""
        return self.folder / "ssh_config"

    @property
    def serial(self) -> str:
        """What adb calls it (-s) once it is connected."""
        return f"127.0.0.1:{self.adb_port}"

    def shell(self, command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command on the board over ssh."""
        ssh = ["ssh", "-F", str(self.ssh_config), "-o", "BatchMode=yes", self.folder.name, command]
        return subprocess.run(ssh, capture_output=True, text=True, check=False, timeout=timeout_s)

    def processes(self) -> list[str]:
        """Command lines of what runs on the board, its servers left out."""
        commands = [command for command in self._commands() if Path(command[0]).name not in SERVERS]
        return [" ".join(command) for command in commands]

    def files(self) -> list[str]:
        """Files (and links, pipes, sockets) in the folders where the board's programs can write."""
        root = Path(f"/proc/{self.first_process}/root") / (self.folder / "mount" / "root").relative_to("/")
        found = (Path(folder, name) for each in WRITABLE for folder, _, names in os.walk(root / each) for name in names)
        return sorted(f"/{path.relative_to(root)}" for path in found)

    def stop(self) -> None:
        """End it and everything on it; a board that has ended stays so."""
        self.process.terminate()
        self.process.wait(timeout=30)
        if self.process.stdout:
            self.process.stdout.close()

    @property
    def first_process(self) -> int:
        """Of its namespaces, as this machine numbers it."""
        return int((self.folder / "pid").read_text())

    def _commands(self) -> Iterator[list[str]]:
        namespace = Path(f"/proc/{self.first_process}/ns/pid").readlink()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                # what is not emulated is the test-bed's own
                if (process / "ns/pid").readlink() != namespace or (process / "exe").readlink().name != "qemu-aarch64":
                    continue
                # after qemu, the program's path
                command = (process / "cmdline").read_text().rstrip("\0").split("\0")[2:]
            except OSError:  # it has ended, or is about to
                continue
            if command:  # one that has ended and was not waited for yet has none
                yield command


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody has."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

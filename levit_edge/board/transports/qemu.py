"""An emulated ARM processor on this machine: the agent in an aarch64 Python under qemu's user mode.

It says what a bundle computes on that processor and which instructions it takes, and nothing about time.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from levit_edge.board.transports.transport import Transport, last_line
from levit_edge.errors import BoardError

__all__ = ["CPUS", "SETUP", "Emulator", "QemuTransport", "default_folder"]

CPUS = (
    "cortex-a35",
    "cortex-a53",
    "cortex-a55",
    "cortex-a57",
    "cortex-a72",
    "cortex-a76",
    "cortex-a710",
    "neoverse-n1",
    "neoverse-n2",
    "neoverse-v1",
    "a64fx",
)
"""The processors of qemu 10.0's user mode. Its `max` is left out: no such processor exists, and fp32 LeViT-128S took
95 s an image."""
PREFIX = "qemu:"
SETUP = "scripts/board/setup.sh"
COUNTING_QEMU = "qemu-10.0.13"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1"}
FOREIGN = ("LD_LIBRARY_PATH", "LD_PRELOAD")
"""They name libraries of this machine's own processor."""


def default_folder() -> Path:
    """Where `scripts/board/setup.sh` puts emulators: $LEVIT_EDGE_BOARDS, else in the user's cache."""
    chosen = os.environ.get("LEVIT_EDGE_BOARDS")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "levit-edge" / "boards"


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """One processor, in a folder that `scripts/board/setup.sh` made."""

    cpu: str
    folder: Path
    imported: tuple[Path, ...] = ()
    """Folders from which it imports besides `packages`."""

    @property
    def program(self) -> Path:
        """Debian's qemu: it disassembles, and has no plugins."""
        return self.folder / "qemu" / "usr" / "bin" / "qemu-aarch64"

    @property
    def counting_program(self) -> Path:
        """A qemu with plugins."""
        return self.folder / COUNTING_QEMU / "build" / "qemu-aarch64"

    @property
    def counting_plugin(self) -> Path:
        """Its instruction counter."""
        return self.folder / COUNTING_QEMU / "build" / "tests" / "tcg" / "plugins" / "libinsn.so"

    @property
    def counts(self) -> bool:
        """Whether instructions can be counted: `setup.sh --counting` makes what that needs."""
        return self.counting_program.exists() and self.counting_plugin.exists()

    @property
    def python(self) -> Path:
        """The aarch64 Python."""
        return self.folder / "root" / "usr" / "bin" / "python3.13"

    @property
    def packages(self) -> Path:
        """What it imports."""
        return self.folder / "site"

    def require(self) -> None:
        """Check that all that running needs is there.

        Raises:
            BoardError: something is missing.
        """
        missing = [str(path) for path in (self.program, self.python, self.packages) if not path.exists()]
        if missing:
            raise BoardError(
                f"{PREFIX}{self.cpu}: {', '.join(missing)}: not there. Make what emulation needs with `{SETUP}"
                f" {self.folder}` in a clone of levit-edge, or name the folder that has it in LEVIT_EDGE_BOARDS."
            )

    def command(self, python_arguments: Sequence[str], *, program: Path, options: Sequence[str] = ()) -> list[str]:
        """Run the aarch64 Python in `program`, with further options of qemu."""
        root = self.folder / "root"
        path = os.pathsep.join(map(str, (self.packages, *self.imported)))
        variables = ENVIRONMENT | {"PYTHONHOME": str(root / "usr"), "PYTHONPATH": path}
        set_variables = [part for name, value in variables.items() for part in ("-E", f"{name}={value}")]
        unset = [part for name in FOREIGN for part in ("-U", name)]
        processor = [str(program), "-cpu", self.cpu, "-L", str(root)]
        return [*processor, *unset, *set_variables, *options, str(self.python), *python_arguments]


class QemuTransport(Transport):
    """`qemu:CPU`, such as `qemu:cortex-a76`.

    Raises:
        BoardError: it is none of `CPUS`, or there is no emulator.
    """

    emulator = "qemu-user"

    def __init__(self, target: str, *, folder: Path | None = None) -> None:
        self.name = target
        cpu = target.removeprefix(PREFIX)
        if cpu not in CPUS:
            raise BoardError(
                f"{target}: {cpu!r} is not a processor that can be emulated, expected one of {', '.join(CPUS)}."
            )
        self.processor = Emulator(cpu=cpu, folder=folder or default_folder())
        self.processor.require()

    def command(self, boot: Sequence[str]) -> list[str]:
        """Start the emulated Python."""
        return self.processor.command(boot, program=self.processor.program)

    def explain(self, status: int, stderr: str) -> str:
        """The emulator or its Python failed."""
        return (
            f"the emulated Python ended with status {status}: {last_line(stderr)}. If it is damaged, remove"
            f" {self.processor.folder} and make it again with `{SETUP}`."
        )

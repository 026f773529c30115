"""The count of one file on one processor: the difference of two runs in qemu with its instruction counter."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from levit_edge.errors import RuntimeUnavailableError

__all__ = ["QEMU", "Emulator", "main_thread_instructions", "millions_per_inference", "warm_up"]

QEMU = "qemu-10.0.13"
FEW_RUNS, MANY_RUNS = 2, 12
"""Start-up is the same in both; the difference is inference alone. Repeats agree to 0.1 % for ExecuTorch, 1 % for ONNX
Runtime, once Python has compiled its modules: see `warm_up`."""
SCRIPT = Path(__file__).with_name("infer.py")
THREADS = {".pte": {2}, ".onnx": {*range(2, 10)}}
"""Of the process, qemu's own included. ONNX Runtime 1.31 has some that do not infer: only the main one is counted."""
MAIN_THREAD = re.compile(r"^cpu 0 insns: (\d+)$", re.MULTILINE)
REPORT = re.compile(r"^threads=(\d+) std=(\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """What `scripts/board/setup.sh --counting` made."""

    folder: Path

    @property
    def program(self) -> Path:
        """The emulator."""
        return self.folder / QEMU / "build" / "qemu-aarch64"

    @property
    def plugin(self) -> Path:
        """Its instruction counter."""
        return self.folder / QEMU / "build" / "tests" / "tcg" / "plugins" / "libinsn.so"

    def require(self) -> None:
        """Check that everything is there.

        Raises:
            RuntimeUnavailableError: something is missing.
        """
        needed = (self.program, self.plugin, self.folder / "root", self.folder / "site")
        if missing := [str(path) for path in needed if not path.exists()]:
            raise RuntimeUnavailableError(
                f"{', '.join(missing)}: not there. Make them with scripts/board/setup.sh {self.folder} --counting."
            )


def warm_up(emulator: Emulator, files: Sequence[Path], cpu: str) -> None:
    """Run one file of each kind, so that Python has its modules compiled before anything counts.

    Raises:
        RuntimeUnavailableError: see `millions_per_inference`.
    """
    for file in {file.suffix: file for file in files}.values():
        _count(emulator, file, cpu, 1)


def millions_per_inference(emulator: Emulator, file: Path, cpu: str) -> float:
    """Millions of instructions of the thread that infers.

    Raises:
        RuntimeUnavailableError: the model does not run there, uses more threads or gives constant logits.
    """
    few, many = (_count(emulator, file, cpu, runs) for runs in (FEW_RUNS, MANY_RUNS))
    return (many - few) / (MANY_RUNS - FEW_RUNS) / 1e6


def _count(emulator: Emulator, file: Path, cpu: str, runs: int) -> int:
    root = emulator.folder / "root"
    environment = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONHOME": str(root / "usr"),
        "PYTHONPATH": str(emulator.folder / "site"),
    }
    settings = [part for name, value in environment.items() for part in ("-E", f"{name}={value}")]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        counting = ["-plugin", f"{emulator.plugin},inline=on", "-d", "plugin", "-D", str(log)]
        python = [str(root / "usr" / "bin" / "python3.13"), str(SCRIPT), str(file), str(runs)]
        # setarch -R: without address randomisation, hash tables and allocations are the same every time
        command = ["setarch", "-R", str(emulator.program), "-cpu", cpu, "-L", str(root), *settings, *counting, *python]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        report = REPORT.search(done.stdout)
        if done.returncode or report is None:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RuntimeUnavailableError(f"{file.name} does not run on an emulated {cpu}: {last}")
        _check(file, int(report[1]), float(report[2]))
        return main_thread_instructions(log.read_text())


def _check(file: Path, threads: int, spread: float) -> None:
    if threads not in THREADS[file.suffix]:
        raise RuntimeUnavailableError(f"{file.name} ran in {threads} threads, so that a count of one says nothing.")
    if not spread > 0:
        raise RuntimeUnavailableError(f"{file.name} gave logits that are all the same: it does not work there.")


def main_thread_instructions(log: str) -> int:
    """What qemu's instruction counter wrote of the first thread.

    Raises:
        RuntimeUnavailableError: it wrote nothing of it.
    """
    found = MAIN_THREAD.search(log)
    if found is None:
        raise RuntimeUnavailableError(f"qemu's instruction counter wrote {log[:200]!r}, expected 'cpu 0 insns: …'.")
    return int(found[1])

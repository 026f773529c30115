"""One file in its engine on an emulated processor: what an inference executes there, and what it computes."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np

from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import Floats
from levit_edge.board.emulation.emulated_run import Finished, run_logged
from levit_edge.board.emulation.instructions import LONGEST_LOG, WITHOUT_CHANCE, counting
from levit_edge.board.transports.qemu import Emulator
from levit_edge.board.transports.transport import last_line
from levit_edge.errors import BoardError
from levit_edge.text import text

__all__ = ["Count", "count", "emulator_for", "logits_there", "read_counts"]

CLONE = Path(__file__).parents[2]
PEERS = "peers"
PROBE = ("-u", "-m", "benchmarks.arm.probe")
COUNTED = re.compile(rb"^(cpu 0|total) insns: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Count:
    """Of one inference, in millions of instructions."""

    main: float
    """Of the thread that asked for it."""
    elsewhere: float
    """Of all other threads of the process: an engine that works there, or waits by turning in circles."""


def emulator_for(cpu: str, folder: Path) -> Emulator:
    """One that imports the peers and this clone besides the board's packages.

    Raises:
        BoardError: something is missing.
    """
    emulator = Emulator(cpu=cpu, folder=folder, imported=(folder / PEERS, CLONE))
    emulator.require()
    if not (emulator.counts and (folder / PEERS).is_dir()):
        raise BoardError(
            f"{folder} has nothing that counts, or no other engines. Make them with"
            f" `scripts/board/setup.sh {folder} --counting --peers`."
        )
    return emulator


def count(emulator: Emulator, engine: Engine, file: Path, images: Path, runs: int, timeout_s: float) -> Count:
    """Instructions of an inference with the first of `images`, a `.npy` of float32 (N, 3, size, size).

    Raises:
        BoardError: the file does not run there, or not in time.
    """
    read, finished = run_logged(
        emulator,
        [*PROBE, "count", str(engine), str(file), str(images), str(runs)],
        b"",
        program=emulator.counting_program,
        log=counting(emulator),
        read_log=lambda log: read_counts(log, runs),
        before=WITHOUT_CHANCE,
        deadline=time.monotonic() + timeout_s,
    )
    _require_success(finished)
    return read()


def read_counts(log: BinaryIO, runs: int) -> Count:
    """From what qemu's counter wrote of a copy, as it was before the runs, and then of the process.

    Raises:
        BoardError: it did not write of both.
    """
    content = log.read(LONGEST_LOG)
    counted: dict[bytes, list[int]] = {b"cpu 0": [], b"total": []}
    for name, number in COUNTED.findall(content):
        counted[name].append(int(number))
    if [len(each) for each in counted.values()] != [2, 2]:
        raise BoardError(f"qemu's instruction counter wrote {content[:200]!r}, expected two counts.")
    main, total = (round((after - before) / runs / 1e6, 3) for before, after in counted.values())
    return Count(main=main, elsewhere=round(total - main, 3))


def logits_there(emulator: Emulator, engine: Engine, file: Path, images: Path, number: int, timeout_s: float) -> Floats:
    """(images, classes) of the first `number` images, computed on the emulated processor.

    Raises:
        BoardError: the file does not run there, or not in time.
    """
    with TemporaryDirectory() as folder:
        target = Path(folder) / "logits.npy"
        _, finished = run_logged(
            emulator,
            [*PROBE, "check", str(engine), str(file), str(images), str(number), str(target)],
            b"",
            program=emulator.program,
            log=(),
            read_log=lambda _log: None,
            deadline=time.monotonic() + timeout_s,
        )
        _require_success(finished)
        logits: Floats = np.load(target)
    return logits


def _require_success(finished: Finished) -> None:
    if finished.status:
        how = f"signal {-finished.status}" if finished.status < 0 else f"status {finished.status}"
        raise BoardError(f"{text(last_line(finished.errors), 300)} ({how})")

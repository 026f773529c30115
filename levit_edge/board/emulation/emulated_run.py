"""One process that runs a model file some times on an emulated processor, and what qemu logs of it meanwhile."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import BinaryIO, TypeVar

from levit_edge.board.transports.qemu import Emulator
from levit_edge.board.transports.transport import agent_source, boot_arguments, last_line
from levit_edge.bundle.kinds import Runtime
from levit_edge.errors import BoardError
from levit_edge.text import text

__all__ = ["FileUnderTest", "Finished", "run_emulated", "run_logged"]

T = TypeVar("T")
PROBE = "levit_edge.device.inference_probe"
REPORT = re.compile(r"^threads=(\d+) std=(\S+)$", re.MULTILINE)
THREADS = {Runtime.ONNXRUNTIME: {*range(2, 10)}}
"""The numbers of threads that the process may have, qemu's own included; 2 with others. ONNX Runtime 1.31 has some that
do not infer; the main one does all the work."""
END_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""An emulator that is left behind would work on for a minute."""


@dataclass(frozen=True, kw_only=True)
class FileUnderTest:
    """A file whose inferences are looked at."""

    name: str
    runtime: Runtime
    content: bytes
    image_size: int


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a process ended, and what it wrote."""

    status: int
    output: str
    errors: str


def run_emulated(
    emulator: Emulator,
    under_test: FileUnderTest,
    runs: int,
    *,
    program: Path,
    log: Sequence[str],
    read_log: Callable[[BinaryIO], T],
    before: Sequence[str] = (),
    deadline: float | None = None,
) -> T:
    """Run `under_test` in a new process and return what `read_log` makes of qemu's log, which is never kept.

    `program` is the qemu to take, `log` its options that say what is logged, `before` a program that starts it.
    `read_log` reads the log to its end, while it is written. `deadline`, of `time.monotonic`, is when to give up.

    Raises:
        BoardError: the model does not run there, runs in several threads, gives constant logits, or takes too long.
    """
    source = agent_source()
    boot = boot_arguments(source, PROBE, under_test.runtime, under_test.image_size, runs)
    read, finished = run_logged(
        emulator,
        boot,
        source + under_test.content,
        program=program,
        log=log,
        read_log=read_log,
        before=before,
        deadline=deadline,
    )
    _check(emulator, under_test, finished)
    return read()


def run_logged(
    emulator: Emulator,
    python_arguments: Sequence[str],
    sent: bytes,
    *,
    program: Path,
    log: Sequence[str],
    read_log: Callable[[BinaryIO], T],
    before: Sequence[str] = (),
    deadline: float | None = None,
) -> tuple[Callable[[], T], Finished]:
    """Run the emulated Python in a new process, `sent` on its standard input.

    Returns what gives the result of `read_log` or raises what it raised, and how the process ended. Parameters: see
    `run_emulated`.

    Raises:
        BoardError: it takes too long.
    """
    reading, writing = os.pipe()
    command = emulator.command(python_arguments, program=program, options=[*log, "-D", f"/proc/self/fd/{writing}"])
    result: Future[T] = Future()
    Thread(target=_read, args=(read_log, reading, result), daemon=True).start()
    try:
        process = subprocess.Popen(
            [*END_WITH_US, *before, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(writing,),
        )
    finally:
        os.close(writing)
    with process:
        try:
            patience = None if deadline is None else max(0.0, deadline - time.monotonic())
            output, errors = process.communicate(sent, patience)
        except subprocess.TimeoutExpired:
            raise BoardError(f"qemu:{emulator.cpu}: not ready in time: allow it more with --timeout.") from None
        finally:
            process.kill()
    finished = Finished(
        status=process.returncode, output=output.decode("utf-8", "replace"), errors=errors.decode("utf-8", "replace")
    )
    return result.result, finished


def _read(read_log: Callable[[BinaryIO], T], descriptor: int, result: Future[T]) -> None:
    """Read a log to its end whatever happens, as qemu would wait for its reader."""
    with os.fdopen(descriptor, "rb") as log:
        try:
            result.set_result(read_log(log))
        except Exception as error:  # raised again where the result is asked for
            result.set_exception(error)
        while log.read(1 << 20):
            pass


def _check(emulator: Emulator, under_test: FileUnderTest, finished: Finished) -> None:
    where = f"qemu:{emulator.cpu}: {under_test.name}"
    report = REPORT.search(finished.output)
    if finished.status or report is None:
        reason = text(last_line(finished.errors), 300)
        raise BoardError(f"{where} does not run there alone: {reason} (status {finished.status}).")
    if int(report[1]) not in THREADS.get(under_test.runtime, {2}):
        raise BoardError(f"{where} ran in {report[1]} threads, so that a count of one says nothing.")
    if not float(report[2]) > 0:
        raise BoardError(f"{where} gave logits that are all the same: it does not work there.")

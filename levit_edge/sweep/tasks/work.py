"""What a worker process does with a task, whichever engine started it."""

import faulthandler
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from levit_edge.errors import LevitEdgeError
from levit_edge.sweep.tasks.call import Call, inputs_of
from levit_edge.sweep.tasks.result import Done, Failed, Outcome
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.limits import at_most
from levit_edge.system.memory import ran_out_of_memory, tells_of_shortage

__all__ = ["log_path", "read_log", "run"]

LONGEST_LOG = 20_000
"""Characters of its end that are reported."""
LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Errors of files that another attempt meets again."""


def run(call: Call, store_url: str, environment: Mapping[str, str], run_id: str) -> Outcome:
    """Do the task in this process, and keep its results in the store.

    It ends the process if it takes longer than `call.seconds`. What it writes to standard output and error goes into
    `log_path`, which stays if the process dies.
    """
    log = log_path(run_id, call.id)
    with _writing_to(log), at_most(call.seconds):
        try:
            return _run(call, Store(store_url), environment)
        except LevitEdgeError as error:
            reason = f"out of memory: {error}" if tells_of_shortage(str(error)) else str(error)
            again = _may_pass(error)
            return Failed(reason=reason, log=read_log(log) if again else "", again=again)
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            reason = "out of memory" if ran_out_of_memory(error) else f"{type(error).__name__}: {error}"
            return Failed(reason=reason, log=read_log(log), again=_may_pass(error))


def log_path(run_id: str, call_id: str) -> Path:
    """Where, on its own machine, a worker writes while it is at that call of that run."""
    return Path(tempfile.gettempdir(), f"levit-edge-sweep-{os.getuid()}", f"{run_id}-{call_id}.log")


def read_log(path: Path) -> str:
    """The end of a log; empty if it is not on this machine."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")[-LONGEST_LOG:]
    except OSError:
        return ""


def _run(call: Call, store: Store, environment: Mapping[str, str]) -> Done:
    start = time.perf_counter()
    results = call.task.run(store)
    seconds = round(time.perf_counter() - start, 3)
    timed = {name: replace(result, seconds=seconds) for name, result in results.items()}
    for name, inputs in inputs_of(call.task).items():
        store.keep(call.kind, inputs, environment, timed[name])
    return Done(results=timed)


def _may_pass(error: BaseException) -> bool:
    """Whether behind `error` there is one of a file service, a disk or a network that another attempt may not meet."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, LASTING):
            return True
        cause = cause.__cause__
    return ran_out_of_memory(error)


@contextmanager
def _writing_to(log: Path) -> Iterator[None]:
    """Send standard output and error to `log`, which goes when the body ends, and tracebacks of crashes too."""
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.parent.stat().st_uid != os.getuid():
        raise PermissionError(None, "belongs to another user", str(log.parent))
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with log.open("wb") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        faulthandler.enable(file)
        try:
            yield
        finally:
            faulthandler.disable()
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, former in zip((1, 2), saved, strict=True):
                os.dup2(former, descriptor)
                os.close(former)
            log.unlink(missing_ok=True)

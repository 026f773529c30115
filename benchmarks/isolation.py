"""Runs each peer in a process of its own: its patches, its memory and its end stay there."""

import logging
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import numpy as np

from benchmarks.speed.engines import opener
from benchmarks.task import Built, Peer, Task
from levit_edge.errors import RuntimeUnavailableError

__all__ = ["Attempt", "Isolated", "attempt", "brief", "missing", "reason_for"]

LONGEST_REASON = 300  # characters
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What became of one peer: a file that runs, or the reason why there is none."""

    peer: Peer
    built: Built | None = None
    seconds: float | None = None
    """From the checkpoint to the file."""
    reason: str = ""


class Isolated:
    """A process for work that may patch, leak or die; use it in a `with` statement.

    What it prints, and what native libraries print there, goes nowhere.
    """

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_hush)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind and not issubclass(kind, Exception):  # Ctrl-C: what is under way there may take minutes more
            for child in multiprocessing.active_children():
                child.kill()
        self._pool.shutdown(cancel_futures=True)

    def call(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What `work` returns or raises there.

        Raises:
            BrokenProcessPool: the process died; it is of no more use.
        """
        return self._pool.submit(work, *arguments, **named).result()


def attempt(peer: Peer, task: Task) -> Attempt:
    """Build the peer's file and see it run; whatever goes wrong is the `reason`."""
    if absent := missing(peer.requires):
        return Attempt(peer=peer, reason=f"not installed: {', '.join(absent)}")
    with Isolated() as process:
        try:
            return process.call(_build_and_run, peer, task)
        except Exception as error:  # a peer may raise anything, and the others go on
            return Attempt(peer=peer, reason=reason_for(error))


def missing(modules: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are not installed."""
    return tuple(module for module in modules if find_spec(module) is None)


def reason_for(error: Exception) -> str:
    """Why there is no result, for a table's reader."""
    if isinstance(error, BrokenProcessPool):
        return "failed: its process died, often for want of memory"
    return f"failed: {brief(error)}"


def brief(error: BaseException) -> str:
    """Its type and the beginning of its message, on one line."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _hush() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for standard in (sys.stdout, sys.stderr):  # for the table and for our own progress: what goes wrong is raised
        os.dup2(nowhere, standard.fileno())
    os.close(nowhere)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


def _build_and_run(peer: Peer, task: Task) -> Attempt:
    start = time.perf_counter()
    built = peer.build(task)
    seconds = time.perf_counter() - start
    with TemporaryDirectory() as folder:
        (file := Path(folder) / "model").write_bytes(built.model)
        logits = opener(peer.runtime, file, 1)()(task.images()[0])
    if not np.isfinite(logits).all():
        raise RuntimeUnavailableError(f"{peer.runtime} gives logits that are not finite")
    return Attempt(peer=peer, built=built, seconds=seconds if built.seconds is None else built.seconds)

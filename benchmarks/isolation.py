"""Runs each peer in a process of its own: its patches, its memory and its end stay there."""

import logging
import multiprocessing
import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np

from benchmarks.task import Built, Peer, Task, missing
from levit_edge.errors import RuntimeUnavailableError
from levit_edge.runtime.runner import open_runner

__all__ = ["Attempt", "attempt"]

LONGEST_REASON = 300  # characters


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What became of one peer: a file that runs, or the reason why there is none."""

    peer: Peer
    built: Built | None = None
    seconds: float | None = None
    """From the checkpoint to the file."""
    reason: str = ""


def attempt(peer: Peer, task: Task) -> Attempt:
    """Build the peer's file and see it run; whatever goes wrong is the `reason`."""
    if absent := missing(peer):
        return Attempt(peer=peer, reason=f"not installed: {', '.join(absent)}")
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_build_and_run, peer, task).result()
        except BrokenProcessPool:
            return Attempt(peer=peer, reason="failed: its process died, often for want of memory")
        except Exception as error:  # a peer may raise anything, and the others go on
            return Attempt(peer=peer, reason=f"failed: {_brief(error)}")


def _build_and_run(peer: Peer, task: Task) -> Attempt:
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # stdout is for the table
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    start = time.perf_counter()
    built = peer.build(task)
    seconds = time.perf_counter() - start
    logits = open_runner(peer.runtime, built.model).run(task.images()[0])
    if not np.isfinite(logits).all():
        raise RuntimeUnavailableError(f"{peer.runtime} gives logits that are not finite")
    return Attempt(peer=peer, built=built, seconds=seconds)


def _brief(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"

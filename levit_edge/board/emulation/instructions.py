"""Instructions of one inference on an emulated processor: the difference of two runs in a qemu that counts."""

import re
from typing import BinaryIO

from levit_edge.board.emulation.emulated_run import FileUnderTest, run_emulated
from levit_edge.board.transports.qemu import Emulator
from levit_edge.errors import BoardError

__all__ = ["LONGEST_LOG", "NOISE", "WITHOUT_CHANCE", "counting", "main_thread_instructions", "million_instructions"]

NOISE = 0.03
"""Counts that differ by less do not differ. Repeats agree to 0.1 % for ExecuTorch, 1 % for ONNX Runtime, once Python
has compiled its modules; 2.1 % was seen."""
FEW_RUNS, MANY_RUNS = 2, 12
"""Start-up is the same in both; the difference is inference alone."""
MAIN_THREAD = re.compile(rb"^cpu 0 insns: (\d+)$", re.MULTILINE)
LONGEST_LOG = 1 << 16
WITHOUT_CHANCE = ("setarch", "-R")
"""Without address randomisation, hash tables and allocations are the same every time."""


def counting(emulator: Emulator) -> tuple[str, ...]:
    """Options of `counting_program` with which it counts."""
    return ("-plugin", f"{emulator.counting_plugin},inline=on", "-d", "plugin")


def million_instructions(emulator: Emulator, under_test: FileUnderTest, deadline: float | None = None) -> float:
    """Millions of instructions of the thread that infers, for one inference.

    The same packages must have been imported in this emulator before, so that nothing is compiled meanwhile.

    Raises:
        BoardError: see `run_emulated`.
    """

    def count(runs: int) -> int:
        return run_emulated(
            emulator,
            under_test,
            runs,
            program=emulator.counting_program,
            log=counting(emulator),
            read_log=main_thread_instructions,
            before=WITHOUT_CHANCE,
            deadline=deadline,
        )

    few, many = count(FEW_RUNS), count(MANY_RUNS)
    return (many - few) / (MANY_RUNS - FEW_RUNS) / 1e6


def main_thread_instructions(log: BinaryIO) -> int:
    """What qemu's instruction counter wrote of the first thread.

    Raises:
        BoardError: it wrote nothing of it.
    """
    content = log.read(LONGEST_LOG)
    found = MAIN_THREAD.search(content)
    if found is None:
        raise BoardError(f"qemu's instruction counter wrote {content[:200]!r}, expected 'cpu 0 insns: …'.")
    return int(found[1])

"""Which int8 instructions a file really takes on a processor: read from the code that qemu translated for it.

`-d in_asm` logs each block of code when it is first translated, which is when it is first executed. Names of
instructions: Arm Architecture Reference Manual for A-profile (DDI 0487), C7.2 and C8.2.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from levit_edge.board.emulation.emulated_run import FileUnderTest, run_emulated
from levit_edge.board.transports.qemu import Emulator
from levit_edge.errors import BoardError

__all__ = ["KERNELS", "count_sites", "kernel_sites"]

KERNELS = ("smlal", "umlal", "sdot", "udot", "usdot", "sudot", "smmla", "ummla", "usmmla")
"""Multiply and add: long (one product in each lane), dot products of four (from Armv8.2's asimddp), matrix products of
eight (i8mm). s and u: signed and unsigned factors."""
LINE = re.compile(rb"^0x([0-9a-f]+): +[0-9a-f]{8} +(ret|[su]mlal2?|(?:[su]|us|su)dot|(?:[su]|us)mmla)\b", re.MULTILINE)
PART = 1 << 20


def kernel_sites(emulator: Emulator, under_test: FileUnderTest, deadline: float | None = None) -> dict[str, int]:
    """In how many places of the code that one inference executes each of `KERNELS` stands; those that it lacks are left
    out.

    Raises:
        BoardError: see `run_emulated`; or qemu logged no instructions.
    """
    sites = run_emulated(
        emulator,
        under_test,
        1,
        program=emulator.program,
        log=("-d", "in_asm"),
        read_log=count_sites,
        deadline=deadline,
    )
    if sites is None:
        raise BoardError(f"qemu:{emulator.cpu}: {emulator.program} logs no instructions; expected Debian 13's qemu.")
    return sites


def count_sites(log: BinaryIO) -> dict[str, int] | None:
    """Addresses of each instruction in qemu's log, each counted once; None if nothing is disassembled in it."""
    found: dict[str, set[bytes]] = {}
    for lines in _whole_lines(log):
        for address, name in LINE.findall(lines):
            found.setdefault(name.decode().removesuffix("2"), set()).add(address)
    if "ret" not in found:  # every program returns from somewhere
        return None
    return {name: len(found[name]) for name in KERNELS if name in found}


def _whole_lines(log: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while part := log.read(PART):
        lines, newline, rest = (rest + part).rpartition(b"\n")
        yield lines + newline
    yield rest

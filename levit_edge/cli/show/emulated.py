"""How what an emulated processor executes is printed."""

from collections.abc import Sequence

from rich.table import Table

from levit_edge.benchmark.measurement import EmulatedInference
from levit_edge.board.emulation.instructions import NOISE
from levit_edge.board.transports.qemu import SETUP, default_folder

__all__ = ["emulated_table", "instructions_note"]


def emulated_table(emulated: Sequence[EmulatedInference]) -> Table:
    """Instructions and int8 kernels of each file."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("artifact", "million instructions", "int8 kernels"):
        table.add_column(heading, justify="right" if heading == "million instructions" else "left")
    for each in emulated:
        millions = "–" if each.million_instructions is None else f"{each.million_instructions:.1f}"
        table.add_row(each.artifact, millions, _kernels(each.kernel_sites))
    return table


def instructions_note(emulated: Sequence[EmulatedInference]) -> str:
    """What the column of instructions means, or how to fill it."""
    if all(each.million_instructions is None for each in emulated):
        return f"instructions are not counted: `{SETUP} {default_folder()} --counting` makes a qemu that can"
    noise = f"{100 * NOISE:.0f} %"
    return f"instructions of one inference, one thread: no time and no cycles, and differences below {noise} are noise"


def _kernels(sites: dict[str, int] | None) -> str:
    if sites is None:
        return "–"
    named = [f"{name} ({count} site{'' if count == 1 else 's'})" for name, count in sites.items()]
    return ", ".join(named) or "none"

"""Millions of emulated ARM instructions per inference of `.pte` and `.onnx` files, one thread.

    scripts/board/setup.sh ~/arm-emulator --counting
    python -m benchmarks.arm_instructions --emulator ~/arm-emulator bundle/int8.pte bundle/int8.onnx

Models take one 3 × 224 × 224 image. Instructions are not cycles: no cache, memory or pipeline is modelled. The counts
say what software executes, and are the same on a busy machine.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.arm_instructions.count import QEMU, Emulator, millions_per_inference, warm_up
from levit_edge.cli.console import show_error
from levit_edge.errors import ExitStatus, LevitEdgeError

CPUS = ("cortex-a76", "cortex-a53", "neoverse-n2")
"""With int8 dot products (Raspberry Pi 5, phones since 2018), without (Raspberry Pi 3), with int8 matrix products."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _options(arguments)
    emulator = Emulator(folder=options.emulator)
    try:
        emulator.require()
        warm_up(emulator, options.files, options.cpu[0])
        rows = {
            str(file): {cpu: round(millions_per_inference(emulator, file, cpu), 2) for cpu in options.cpu}
            for file in options.files
        }
    except LevitEdgeError as error:
        show_error(str(error))
        return ExitStatus.BAD_INPUT
    except KeyboardInterrupt:
        show_error("interrupted; nothing was written.")
        return ExitStatus.INTERRUPTED
    table = Table("file", *options.cpu, title=f"millions of instructions per inference, {QEMU}")
    for file, counts in rows.items():
        table.add_row(file, *(f"{count:.1f}" for count in counts.values()))
    Console().print(table)
    if options.output:
        document = {"schema_version": 1, "emulator": QEMU, "millions_per_inference": rows}
        options.output.write_text(json.dumps(document, indent=1) + "\n")
    return ExitStatus.DONE


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.arm_instructions", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("files", nargs="+", type=_model, metavar="FILE", help=".pte or .onnx")
    parser.add_argument("--emulator", type=Path, required=True, metavar="DIR", help="what scripts/board/setup.sh made")
    parser.add_argument("--cpu", action="append", metavar="CPU", help=f"may be repeated [{', '.join(CPUS)}]")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the figures go besides the table")
    options = parser.parse_args(arguments)
    options.cpu = options.cpu or list(CPUS)
    return options


def _model(text: str) -> Path:
    path = Path(text)
    if path.suffix not in {".pte", ".onnx"} or not path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is not a .pte or .onnx file")
    return path.resolve()


if __name__ == "__main__":
    sys.exit(main())

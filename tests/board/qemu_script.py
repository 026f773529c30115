"""A script in qemu's place: it writes the logs that qemu would, and lets this machine's Python do the rest."""

import stat
import sys
from pathlib import Path

from levit_edge.board.emulation.emulated_run import PROBE
from levit_edge.board.transports.qemu import Emulator

START_UP, INFERENCE = 2_600_000_000, 46_440_000
"""Instructions of a process, and of each inference in it."""
TRANSLATED = """\
----------------
IN: qs8_gemm
0x7f660000:  4f80e220  sdot     v0.4s, v17.16b, v0.4b[0]
0x7f660004:  4fa0e220  sdot     v0.4s, v17.16b, v0.4b[1]
0x7f660008:  d65f03c0  ret

----------------
IN: main
0x7f660004:  4fa0e220  sdot     v0.4s, v17.16b, v0.4b[1]
0x7f66000c:  6f80e220  udot     v0.4s, v17.16b, v0.4b[0]
0x7f660010:  0e228020  smlal    v0.8h, v1.8b, v2.8b
0x7f660014:  4e228020  smlal2   v0.8h, v1.16b, v2.16b
0x7f660018:  94000000  bl       #0x7f66sdot
"""
SITES = {"smlal": 2, "sdot": 2, "udot": 1}


def make_emulator(
    folder: Path,
    *,
    translated: str = TRANSLATED,
    report: str = "threads=2 std=1.5",
    status: int = 0,
    counts: bool = True,
) -> Emulator:
    """A folder as `scripts/board/setup.sh` makes it; probes of models get `report` and `status`."""
    emulator = Emulator(cpu="cortex-a76", folder=folder)
    for path in (emulator.python, emulator.counting_plugin, emulator.program, emulator.counting_program):
        path.parent.mkdir(parents=True, exist_ok=True)
    emulator.packages.mkdir()
    emulator.python.touch()
    log = folder / "log"
    log.write_text(translated)
    script = f"""#!/bin/bash
while [ "${{1##*/}}" != python3.13 ]; do
    case $1 in -D) log=$2 ;; -plugin) counts=yes ;; esac
    shift
done
shift
case $6 in
{PROBE})
    if [ -n "$counts" ]; then echo "cpu 0 insns: $(({START_UP} + $9 * {INFERENCE}))"; else cat {log}; fi > "$log"
    echo "{report}"
    echo "last words" >&2
    exit {status} ;;
esac
exec {sys.executable} "$@"
"""
    programs = [emulator.program]
    if counts:
        emulator.counting_plugin.touch()
        programs.append(emulator.counting_program)
    for program in programs:
        program.write_text(script)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return emulator

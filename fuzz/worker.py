"""Feeds inputs to one reader, in a process that may die of them; `fuzz.campaign` starts it and reads what it says.

Arguments: the bundle's folder, the reader, the seed, the first number, the number behind the last. On standard output,
one line of JSON for each input, in front of it one that says that it begins.
"""

import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from fuzz.reader import Reader
from fuzz.watch import Trespass, Watch
from levit_edge.errors import LevitEdgeError
from levit_edge.system.limits import MEMORY_BYTES, set_limits

MOST_GROWTH_BYTES = 2 << 30
NATIVE_CPU_S = 20
NATIVE_WALL_S = 300


def main() -> None:
    """Serve one campaign."""
    bundle, name, seed, start, stop = sys.argv[1:]
    report = os.fdopen(os.dup(1), "w", buffering=1)
    set_limits()
    from fuzz.readers import READERS

    reader = READERS[name](Path(bundle))
    watch = Watch(Path(bundle), programs=reader.programs)
    with tempfile.TemporaryDirectory(prefix="levit-edge-fuzz-") as scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        os.chdir(scratch)
        folder = Path(scratch)
        for data in dict.fromkeys(reader.seeds):  # they are accepted, and whatever is imported late is now here
            reader.read(data, folder)
        memory = Memory()
        for index in range(int(start), int(stop)):
            data = reader.input(int(seed), index)
            report.write(json.dumps({"begins": index}) + "\n")
            outcome = (
                fork(reader, data, folder, watch) if reader.native else attempt(reader, data, folder, watch, memory)
            )
            report.write(json.dumps({"index": index} | outcome) + "\n")
            _empty(folder)


def attempt(reader: Reader, data: bytes, folder: Path, watch: Watch, memory: "Memory") -> dict[str, Any]:
    """What comes of one input."""
    outcome: dict[str, Any]
    before = memory.restart()
    try:
        with watch.over(folder):
            reader.read(data, folder)
        outcome = {"outcome": "accepted"}
    except LevitEdgeError as error:
        outcome = {"outcome": type(error).__name__, "message": str(error)[:300]}
    except (Exception, Trespass) as error:
        at = "".join(traceback.format_exception(error)[-4:])
        outcome = {"outcome": "finding", "what": f"{type(error).__name__}: {error}"[:500], "at": at[-2000:]}
    if watch.found:
        outcome = {"outcome": "finding", "what": f"trespass: {watch.found[0]}", "at": watch.stacks[0]}
    grown = memory.peak() - before
    most = MEMORY_BYTES if reader.native else MOST_GROWTH_BYTES  # a model file's process may take so much
    if grown > most and outcome["outcome"] != "finding":
        outcome = {"outcome": "finding", "what": f"it takes {grown >> 20} MiB"}
    return outcome | {"grown": grown}


def fork(reader: Reader, data: bytes, folder: Path, watch: Watch) -> dict[str, Any]:
    """What comes of one input in a process of its own."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (NATIVE_CPU_S, NATIVE_CPU_S + 5))
        outcome = attempt(reader, data, folder, watch, Memory())
        os.write(writable, json.dumps(outcome).encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as answer:
        if not select.select([answer], [], [], NATIVE_WALL_S)[0]:
            os.kill(pid, signal.SIGKILL)
        told = answer.read()
    status = os.waitpid(pid, 0)[1]
    if told:
        found: dict[str, Any] = json.loads(told)
        return found
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number in {signal.SIGXCPU, signal.SIGKILL}:
        return {"outcome": "contained hang", "what": f"more than {NATIVE_CPU_S} s"}
    return {
        "outcome": "contained crash",
        "what": signal.Signals(number).name if number else f"exit status {status >> 8}",
    }


class Memory:
    """This process's resident memory, and its peak since the last input."""

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY)

    def restart(self) -> int:
        """Forget the peak; bytes that are resident now."""
        os.write(self._reset, b"5")
        return self.peak()

    def peak(self) -> int:
        """Bytes, since the restart."""
        text = os.pread(self._status, 8192, 0)
        return int(text.partition(b"VmHWM:")[2].split()[0]) << 10


def _empty(folder: Path) -> None:
    for left in list(folder.iterdir()):
        if not left.name.startswith("keep"):
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


if __name__ == "__main__":
    main()

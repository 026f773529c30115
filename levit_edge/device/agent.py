"""levit-edge's agent: what runs on a board, or on any computer, to measure a bundle's files there.

It and the modules of this folder that it imports need Python 3.9 or newer on Linux or Android, numpy, and one runtime:
onnxruntime for `.onnx` files, executorch-numpy-runtime or executorch for `.pte` files. `levit_edge.board.session` sends
them over a connection, where they are checked to have arrived whole (`levit_edge.device.importer`), and speaks to the
agent through its standard input and output; nothing is installed.

What it promises to the owner of the board: it writes into one folder of its own, and removes that when it ends; when
the connection ends, is lost, or is silent for a minute, it ends with everything that it started. Folders of agents that
were killed outright are removed by the next one. It opens no port and asks for no privilege.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import os
import platform
import queue
import shutil
import signal
import sys
import threading
import time
from typing import Any

from levit_edge.device.bench import Bench
from levit_edge.device.engines import NO_TELEMETRY, PACKAGES, installed_version
from levit_edge.device.facts import machine, read_facts
from levit_edge.device.folder import own_folder, private_environment, set_up, unfinished_environment
from levit_edge.device.lane import Lane
from levit_edge.device.protocol import GREETING, AgentError, Pipe, read_frame, write_all, write_frame

SILENCE_S = 60.0
"""The host says something every ten seconds: after so long without a word the connection is lost."""
HEARTBEAT_S = 5.0


class Agent:
    """Answers the host until the connection ends."""

    def __init__(self, answers: Pipe, needed: int) -> None:
        self._answers, self._writing = answers, threading.Lock()
        self._requests: queue.Queue[bytes] = queue.Queue()
        self._heard = time.monotonic()
        self.folder = own_folder(needed)
        self.lanes: dict[str, Any] = {}

    def serve(self) -> None:
        """Greet, then answer."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda *_: self.end())
        write_all(self._answers, GREETING)
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        while True:
            request = json.loads(self._requests.get())
            try:
                answer = getattr(self, "do_" + request.pop("do"))(**request)
            except AgentError as error:
                answer = {"error": error.document()}
            except OSError as error:
                kind = "disk" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "system"
                answer = {"error": {"kind": kind, "message": f"{error.filename or self.folder}: {error.strerror}"}}
            except Exception as error:
                answer = {"error": {"kind": "bug", "message": f"{type(error).__name__}: {error}"}}
            self.say(answer)

    def say(self, document: dict[str, Any], payload: bytes | None = None) -> None:
        """Send a document, and bytes behind it."""
        try:
            with self._writing:
                write_frame(self._answers, json.dumps(document).encode())
                if payload is not None:
                    write_frame(self._answers, payload)
        except OSError:
            self.end()

    def end(self) -> None:
        """End everything that was started, remove what it wrote, then end this process."""
        _end_others()
        for path in (self.folder, unfinished_environment()):
            shutil.rmtree(path, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    def do_hello(self) -> dict[str, Any]:
        """What the board is and has."""
        free = shutil.disk_usage(self.folder).free
        return {
            "facts": read_facts(),
            "packages": {name: installed_version(name) for name in PACKAGES},
            "python": [*sys.version_info[:3]],
            "executable": sys.executable,
            "abi": {"machine": machine(), "libc": [*platform.libc_ver()]},
            "folder": self.folder,
            "free_bytes": free,
            "private_environment": private_environment(),
        }

    def do_put(self, name: str, size: int, sha256: str) -> dict[str, Any]:
        """Take a file, in frames, and check that it arrived whole."""
        path, digest, received = os.path.join(self.folder, os.path.basename(name)), hashlib.sha256(), 0
        fault: OSError | None = None
        with open(path, "wb", buffering=0) as file:
            while received < size:
                part = self._requests.get()
                digest.update(part)
                received += len(part)
                try:
                    if fault is None:
                        write_all(file, part)
                except OSError as error:  # what is on its way is taken all the same
                    fault = error
        if fault is not None:
            os.unlink(path)
            raise fault
        if digest.hexdigest() != sha256:
            raise AgentError("damaged", f"{name} did not arrive as it was sent")
        return {}

    def do_bench(self, job: dict[str, Any]) -> dict[str, Any]:
        """Time files that were put; see `Bench`."""
        return Bench(self.folder, job, self.say).result()

    def do_open(self, models: list[Any], shape: list[Any], tables: list[Any]) -> dict[str, Any]:
        """Open files that were put, one thread each, to run photographs through them and all that are open."""
        packages = []
        for model in models:
            lane = Lane()
            path = os.path.join(self.folder, model["file"])
            try:
                lane.send({"do": "open", "path": path, "runtime": model["runtime"], "threads": 1, "shape": shape})
                packages.append(lane.receive()[0]["package"])
                lane.send({"do": "normalise_by", "tables": tables})
                lane.receive()
            except AgentError as error:
                lane.close()
                raise AgentError(error.kind, f"{model['file']}: {error}", model["file"]) from None
            self.lanes[model["file"]] = lane
        return {"packages": packages}

    def do_infer(self, count: int) -> dict[str, Any]:
        """Run the photographs in the next frame through all open files, side by side; the logits follow in a frame."""
        pixels, answers, logits = self._requests.get(), [], []
        for lane in self.lanes.values():
            lane.send({"do": "infer", "count": count}, pixels)
        for name, lane in self.lanes.items():
            try:
                answer, payload = lane.receive()
            except AgentError as error:
                raise AgentError(error.kind, f"{name}: {error}", name) from None
            answers.append(answer["seconds"])
            logits.append(payload)
        self.say({"seconds": answers}, b"".join(logits))
        return {"done": True}

    def do_setup(self, requirements: list[Any], wheels: bool) -> dict[str, Any]:
        """Make the private environment; see `set_up`."""
        return set_up(requirements, self.folder if wheels else None, self.say)

    def do_bye(self) -> dict[str, Any]:
        """End; the host needs no answer."""
        self.end()
        return {}

    def _read(self) -> None:
        """In a thread: requests, until the connection ends and this process with it."""
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            self._heard = time.monotonic()
            if frame:  # an empty frame only says that the host is there
                self._requests.put(frame)
        self.end()

    def _watch(self) -> None:
        """In a thread: tell the host that the board is there, and end when the host is not."""
        while True:
            self._rest()
            if time.monotonic() - self._heard > SILENCE_S:
                self.end()
            self.say({"alive": True})

    def _rest(self) -> None:
        time.sleep(HEARTBEAT_S)


def _end_others() -> None:
    """Kill the rest of this process group, which could otherwise write into folders while they are removed."""
    for process in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(process))
        with contextlib.suppress(OSError):
            if pid != os.getpid() and os.getpgid(pid) == os.getpgrp():
                os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Serve the host at the other end of standard input and output."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # native libraries print
    try:
        agent = Agent(answers, needed=int(sys.argv[-1]))
    except (AgentError, OSError) as error:
        sys.exit(f"levit-edge: {error}")
    os.environ.update(NO_TELEMETRY, TMPDIR=agent.folder)  # native libraries and pip write temporary files
    agent.serve()

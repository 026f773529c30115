"""A process that runs one file, so that one that is damaged, or too large, ends nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from levit_edge.device.engines import import_engine
from levit_edge.device.protocol import AgentError, Pipe, read_frame, write_frame
from levit_edge.device.small_files import peak_rss_bytes

LONGEST_START_S = 600
"""For loading a file and running it once, before its process ends itself: emulated, it takes some seconds."""
DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


class Worker:
    """Runs in a process of its own and answers requests about one file."""

    run_one: Callable[..., Any]
    image: Any
    tables: Any

    def open(self, path: str, runtime: str, threads: int, shape: list[Any]) -> dict[str, Any]:
        """Import the runtime, load the file, run it once."""
        try:
            import numpy as np
        except ImportError as error:
            raise AgentError("missing", f"numpy: {error}") from None
        package, load = import_engine(runtime)
        with open(path, "rb") as file:
            model = file.read()
        self.image = np.zeros(shape, np.float32)
        imported = peak_rss_bytes()
        signal.alarm(LONGEST_START_S)
        start = time.perf_counter()
        try:
            self.run_one = load(model, threads)
        except AgentError:
            raise
        except Exception as error:  # each runtime has exceptions of its own
            raise AgentError("runtime", f"{package} refuses the file: {error}") from None
        loaded = time.perf_counter()
        self.run_one(self.image)
        first = time.perf_counter()
        signal.alarm(0)
        return {
            "package": package,
            "imported_bytes": imported,
            "load_ms": 1e3 * (loaded - start),
            "first_ms": 1e3 * (first - loaded),
        }

    def golden(self, path: str, key: str) -> dict[str, Any]:
        """Run the golden inputs and compare with what the file gave where it was made."""
        import numpy as np

        with np.load(path, allow_pickle=False) as arrays:
            inputs, expected = arrays["inputs"], np.asarray(arrays[key], np.float64)
        self.image = np.ascontiguousarray(inputs[:1], np.float32)
        found = np.stack([self.run_one(np.ascontiguousarray(image[np.newaxis])) for image in inputs]).astype(np.float64)
        return {
            "images": len(inputs),
            "same_top1": int((found.argmax(1) == expected.argmax(1)).sum()),
            "signal": float(np.square(expected).sum()),
            "noise": float(np.square(found - expected).sum()),
            "std": float(found.std()),
        }

    def run(self, warm_up: int, times: int) -> dict[str, Any]:
        """Milliseconds of each of `times` runs, after some that are not timed."""
        taken = []
        for turn in range(warm_up + times):
            start = time.perf_counter_ns()
            self.run_one(self.image)
            elapsed = time.perf_counter_ns() - start
            if turn >= warm_up:
                taken.append(elapsed / 1e6)
        return {"ms": taken}

    def profile(self, path: str, threads: int, runs: int, folder: str) -> dict[str, Any]:
        """Where the time of the opened file goes, if onnxruntime runs it; see `profile_runs`."""
        from levit_edge.device.profile import profile_runs

        with open(path, "rb") as file:
            model = file.read()
        return profile_runs(self.run_one, self.image, model, threads, runs, folder)

    def memory(self) -> dict[str, Any]:
        """Peak of this process."""
        return {"peak_bytes": peak_rss_bytes()}

    def normalise_by(self, tables: list[Any]) -> dict[str, Any]:
        """Take (3, 256): what each value of red, green and blue becomes for the model."""
        import numpy as np

        self.tables = np.asarray(tables, np.float32)
        return {}

    def infer(self, pixels: bytes, count: int) -> tuple[dict[str, Any], bytes]:
        """(count, size, size, 3) uint8 -> the seconds of each image, and (count, classes) float32 logits."""
        import numpy as np

        from levit_edge.device.normalisation import normalise_by_table

        size = self.image.shape[-1]
        squares = np.frombuffer(pixels, np.uint8).reshape(count, size, size, 3)
        logits, seconds = [], []
        for square in squares:
            image = normalise_by_table(square, self.tables)[np.newaxis]
            start = time.perf_counter()
            logits.append(np.asarray(self.run_one(image), "<f4"))
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}, np.stack(logits).tobytes()


def serve_worker(requests: Pipe, answers: Pipe) -> None:
    """Answer until the agent goes away. Never returns."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    worker = Worker()
    while (frame := read_frame(requests)) is not None:
        request, payload = json.loads(frame), b""
        arguments = {"pixels": read_frame(requests)} if request.pop("payload") else {}
        try:
            answer = getattr(worker, request.pop("do"))(**request, **arguments)
            if isinstance(answer, tuple):
                answer, payload = answer
        except AgentError as error:
            answer = {"error": error.document()}
        except MemoryError:
            answer = {"error": {"kind": "died", "message": "there is not enough memory"}}
        except BaseException as error:
            answer = {"error": {"kind": "runtime", "message": f"{type(error).__name__}: {error}"}}
        try:
            write_frame(answers, json.dumps(answer).encode())
            write_frame(answers, payload)
        except BrokenPipeError:
            break
    os._exit(0)

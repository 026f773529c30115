"""levit-edge's agent: what runs on a board, or on any computer, to measure a bundle's files there.

One file, for Python 3.9 or newer on Linux or Android, numpy, and one runtime: onnxruntime for `.onnx` files,
executorch-numpy-runtime or executorch for `.pte` files. `levit_edge.board.session` sends it over a connection,
checks that it arrived whole, and speaks to it through its standard input and output; nothing is installed.

What it promises to the owner of the board: it writes into one folder of its own, and removes that when it ends; when
the connection ends, is lost, or is silent for a minute, it ends with everything that it started. Folders of agents that
were killed outright are removed by the next one. It opens no port and asks for no privilege.

Messages are frames: eight bytes of length, little-endian, and the payload. A request is one frame of JSON with a key
`do`, for some followed by frames of bytes; the answer is a frame of JSON, `{"error": {"kind", "message"}}` if it cannot
be done. Between them come `{"progress": …}` and, so that a slow board is not taken for a lost one, `{"alive": true}`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import hashlib
import json
import os
import platform
import queue
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

GREETING = b"\nlevit-edge agent, protocol 1\n"
"""Comes before the first frame: login shells may print before it."""
LENGTH = struct.Struct("<Q")
LONGEST_FRAME = 1 << 28
SILENCE_S = 60.0
"""The host says something every ten seconds: after so long without a word the connection is lost."""
HEARTBEAT_S = 5.0
FOLDER_PREFIX = "levit-edge-agent-"
UNFINISHED = ".new-"
"""Both are followed by the agent's process id."""
RUNTIME_PACKAGES = {
    "onnxruntime": ("onnxruntime",),
    "executorch": ("executorch-numpy-runtime", "executorch"),  # the light one first
}
PACKAGES = ("numpy", "onnxruntime", "executorch-numpy-runtime", "executorch", "torch")
LONGEST_START_S = 600
"""For loading a file and running it once, before its process ends itself: emulated, it takes some seconds."""
FIRST_WARM_UP = 3
"""Untimed runs of a file before its first round, besides those of every round."""
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1", "ORT_TELEMETRY_DISABLED": "1"}
"""ONNX Runtime 1.31 for Linux reports to its makers, and leaves an identifier in the home folder, unless the first of
these is set before it is imported; other versions know the second."""
DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
Say = Callable[[dict[str, Any]], None]


class AgentError(Exception):
    """Something cannot be done on this board; `kind` is one of the words that the host knows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def document(self) -> dict[str, Any]:
        """As it is sent."""
        return {"kind": self.kind, "message": str(self)[:2000]}


# --- frames ----------------------------------------------------------------------------------------------------------


def write_frame(descriptor: int, payload: bytes) -> None:
    """Send one frame."""
    write_all(descriptor, LENGTH.pack(len(payload)))
    write_all(descriptor, payload)


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything: the system may take a part, as when a disk is nearly full, and call that done."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]


def read_frame(stream: BinaryIO) -> bytes | None:
    """Wait for one frame; None at the end of the stream, also if that comes inside a frame."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if length > LONGEST_FRAME:
        return None
    payload = stream.read(length)
    return payload if len(payload) == length else None


# --- what the board is -----------------------------------------------------------------------------------------------


def read_text(path: str, limit: int = 1 << 16) -> str | None:
    """The first bytes of a small file, or None."""
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return None


def read_number(path: str, base: int = 10) -> int | None:
    """The number in a small file, or None."""
    try:
        return int(read_text(path) or "", base)
    except ValueError:
        return None


def read_facts() -> dict[str, Any]:
    """What the board is, as its own files say it; the host puts it in words."""
    folders = glob.glob("/sys/devices/system/cpu/cpu[0-9]*")
    cpus = [
        {
            "cpu": int(folder.rpartition("cpu")[2]),
            "max_khz": read_number(f"{folder}/cpufreq/cpuinfo_max_freq"),
            "midr": read_text(f"{folder}/regs/identification/midr_el1"),
        }
        for folder in sorted(folders)
    ]
    return {
        "machine": machine(),
        "cpuinfo": read_text("/proc/cpuinfo") or "",
        "cpus": cpus,
        "model": _android_model()
        or read_text("/proc/device-tree/model")
        or read_text("/sys/class/dmi/id/product_name"),
        "os": _system_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "memory_kb": _memory("MemTotal"),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "emulator": _emulator(),
    }


def machine() -> str:
    """The architecture that this Python's packages are for: a 32-bit one may run on a 64-bit system."""
    name = platform.machine()
    return "armv7l" if name == "aarch64" and struct.calcsize("P") == 4 else name


def read_state() -> dict[str, Any]:
    """What changes while a board works."""
    governors, khz, temperatures = {}, {}, {}
    for folder in glob.glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq"):
        cpu = folder.split("/")[-2][3:]
        governor, current = read_text(f"{folder}/scaling_governor"), read_number(f"{folder}/scaling_cur_freq")
        if governor is not None:
            governors[cpu] = governor
        if current is not None:
            khz[cpu] = current
    for zone in sorted(glob.glob("/sys/class/thermal/thermal_zone*")):
        temperature = read_number(f"{zone}/temp")
        if temperature is not None:
            name = read_text(f"{zone}/type") or "zone"
            temperatures[name if name not in temperatures else f"{name} {zone[-1]}"] = temperature
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = None
    return {
        "governors": governors,
        "khz": khz,
        "temperatures_mc": temperatures,
        "throttled": next(map(read_text, glob.glob("/sys/devices/platform/soc*/*firmware/get_throttled")), None),
        "load": load,
        "available_kb": _memory("MemAvailable"),
    }


def _memory(key: str) -> int | None:
    for line in (read_text("/proc/meminfo") or "").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return None


def _system_name() -> str | None:
    for line in (read_text("/etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    release = _android_property("ro.build.version.release")
    return release and f"Android {release} (API {_android_property('ro.build.version.sdk')})"


def _android_model() -> str | None:
    """Such as `Google Pixel 7 (Tensor G2)`; which system on chip it is, devices tell from Android 12 on."""
    maker, model = _android_property("ro.product.manufacturer"), _android_property("ro.product.model")
    soc = _android_property("ro.soc.model")
    return model and " ".join(filter(None, (maker, model, soc and f"({soc})")))


def _android_property(name: str) -> str | None:
    """What Android says of itself; None elsewhere."""
    if "ANDROID_ROOT" not in os.environ:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["getprop", name], capture_output=True, text=True, check=False, timeout=10)
        return done.stdout.strip() or None
    return None


def _emulator() -> str | None:
    """QEMU's user mode hides itself in /proc/self, but not in the entries of other processes."""
    try:
        program = os.path.basename(os.readlink(f"/proc/{os.getppid()}/exe"))
    except OSError:
        return None
    return "qemu-user" if program.startswith("qemu-") else None


def installed_packages() -> dict[str, Any]:
    """Version of each package that matters, None of those that are not installed."""
    return {name: installed_version(name) for name in PACKAGES}


def installed_version(package: str) -> str | None:
    """The version of a package, None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


# --- the runtimes ----------------------------------------------------------------------------------------------------


def import_engine(runtime: str) -> tuple[str, Callable[[bytes, int], Callable[[Any], Any]]]:
    """The package that runs files of `runtime`, with its version, and what loads one: (bytes, threads) -> run.

    `run` takes float32 (1, 3, size, size) and returns float32 (classes,), a new array.
    """
    faults = []
    for package in RUNTIME_PACKAGES[runtime]:
        load = ENGINES[package]()
        if not isinstance(load, ImportError):
            return f"{package} {installed_version(package)}", load
        faults.append(f"{package}: {load}")
    raise AgentError("missing", "; ".join(faults))


def or_fault(imports: Callable[..., Any]) -> Callable[..., Any]:
    """Let an engine's import return its ImportError instead of raising it."""

    def attempt() -> Any:
        try:
            return imports()
        except ImportError as error:
            return error

    return attempt


@or_fault
def _onnxruntime() -> Callable[..., Any]:
    import onnxruntime

    def load(model: bytes, threads: int) -> Callable[..., Any]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda image: session.run(None, {name: image})[0][0]

    return load


@or_fault
def _executorch_numpy_runtime() -> Callable[..., Any]:
    import executorch_numpy_runtime
    import numpy as np

    def load(model: bytes, threads: int) -> Callable[..., Any]:
        _set_pool(executorch_numpy_runtime, threads)
        method = executorch_numpy_runtime.Runtime.get().load_program(model).load_method("forward")
        return lambda image: np.array(method([image])[0][0], np.float32)

    return load


def _set_pool(package: Any, threads: int) -> None:
    """Give ExecuTorch's thread pool so many threads: the package has no call for it, but its library has.

    They are `get_threadpool()` and `ThreadPool::_unsafe_reset_threadpool(uint32_t)` in
    `executorch::extension::threadpool`.
    """
    library = ctypes.CDLL(package._core.__file__)
    scope = "_ZN10executorch9extension10threadpool"
    try:
        get, reset = (
            getattr(library, f"{scope}14get_threadpoolEv"),
            getattr(library, f"{scope}10ThreadPool24_unsafe_reset_threadpoolEj"),
        )
    except AttributeError:
        raise AgentError("runtime", "this executorch-numpy-runtime does not let its threads be set") from None
    get.restype, reset.restype = ctypes.c_void_p, ctypes.c_bool
    if not reset(ctypes.c_void_p(get()), ctypes.c_uint(threads)):
        raise AgentError("runtime", f"ExecuTorch did not take {threads} threads")


@or_fault
def _executorch() -> Callable[..., Any]:
    import torch
    from executorch.extension.pybindings import _portable_lib

    def load(model: bytes, threads: int) -> Callable[..., Any]:
        _portable_lib._unsafe_reset_threadpool(threads)
        module = _portable_lib._load_for_executorch_from_buffer(model)
        module.method_meta("forward")

        def run(image: Any, _keep: bytes = model) -> Any:  # the runtime reads from these bytes as long as it lives
            return module.forward([torch.from_numpy(image)], clone_outputs=False)[0].numpy()[0].copy()

        return run

    return load


ENGINES = {
    "onnxruntime": _onnxruntime,
    "executorch-numpy-runtime": _executorch_numpy_runtime,
    "executorch": _executorch,
}


# --- a process for each file -----------------------------------------------------------------------------------------


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
        imported = peak_bytes()
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

    def memory(self) -> dict[str, Any]:
        """Peak of this process."""
        return {"peak_bytes": peak_bytes()}

    def normalise_by(self, tables: list[Any]) -> dict[str, Any]:
        """Take (3, 256): what each value of red, green and blue becomes for the model."""
        import numpy as np

        self.tables = np.asarray(tables, np.float32)
        return {}

    def infer(self, pixels: bytes, count: int) -> tuple[dict[str, Any], bytes]:
        """(count, size, size, 3) uint8 -> the seconds of each image, and (count, classes) float32 logits."""
        import numpy as np

        size = self.image.shape[-1]
        squares = np.frombuffer(pixels, np.uint8).reshape(count, size, size, 3)
        logits, seconds = [], []
        for square in squares:
            image = np.empty((1, 3, size, size), np.float32)
            for channel in range(3):
                np.take(self.tables[channel], square[..., channel], out=image[0, channel], mode="clip")
            start = time.perf_counter()
            logits.append(np.asarray(self.run_one(image), "<f4"))
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}, np.stack(logits).tobytes()


def peak_bytes() -> int:
    """The largest resident memory of this process so far."""
    for line in (read_text("/proc/self/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Lane:
    """The agent's end of one worker.

    The worker is forked, not started anew: an emulated Python cannot start programs of its own kind everywhere. It is
    stopped while others work, as the idle threads of some runtimes spin.
    """

    def __init__(self) -> None:
        requests, self._requests = os.pipe()
        answers, writable = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads: ours are in system calls
            self.pid = os.fork()
        if self.pid == 0:
            os.close(self._requests)
            os.close(answers)
            _serve_worker(requests, writable)
        os.close(requests)
        os.close(writable)
        self._answers = os.fdopen(answers, "rb")

    def send(self, request: dict[str, Any], payload: bytes | None = None) -> None:
        """Let the worker go on, with a request."""
        os.kill(self.pid, signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):
            write_frame(self._requests, json.dumps({**request, "payload": payload is not None}).encode())
            if payload is not None:
                write_frame(self._requests, payload)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """The answer, and the bytes that belong to it."""
        frame = read_frame(self._answers)
        payload = None if frame is None else read_frame(self._answers)
        if frame is None or payload is None:
            raise AgentError("died", f"its process died ({self._fate()})")
        answer = json.loads(frame)
        if "error" in answer:
            raise AgentError(answer["error"]["kind"], answer["error"]["message"])
        return answer, payload

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request, wait for the answer, and stop the worker again."""
        self.send(request)
        try:
            return self.receive()[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGSTOP)

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            os.close(self._requests)
        self._answers.close()

    def _fate(self) -> str:
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:
            return "it is gone"
        if not os.WIFSIGNALED(status):
            return f"exit status {os.WEXITSTATUS(status)}"
        number = signal.Signals(os.WTERMSIG(status))
        hints = {
            signal.SIGKILL: ", often for want of memory",
            signal.SIGILL: ": an instruction this processor has not",
            signal.SIGSEGV: ": the file is damaged or hostile, or the runtime does not fit this processor",
            signal.SIGALRM: f": it took more than {LONGEST_START_S} s to load it and to run it once",
        }
        return number.name + hints.get(number, "")


def _serve_worker(requests: int, answers: int) -> None:
    """Answer until the agent goes away. Never returns."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    worker, stream = Worker(), os.fdopen(requests, "rb")
    while (frame := read_frame(stream)) is not None:
        request, payload = json.loads(frame), b""
        arguments = {"pixels": read_frame(stream)} if request.pop("payload") else {}
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


# --- the measurement -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def closing_all(lanes: list[Any]) -> Iterator[None]:
    """Close lanes at the end, also those that were added in the body."""
    try:
        yield
    finally:
        for lane in lanes:
            lane.close()


@contextlib.contextmanager
def noting_faults(entry: dict[str, Any]) -> Iterator[None]:
    """Let what goes wrong with a file be its entry's error: the others go on."""
    try:
        yield
    except AgentError as error:
        entry["error"] = error.document()


class Bench:
    """Times files in turns: A B C A B C …, so that what slows the board for a while slows all alike.

    The job: `files` (file, runtime, int8), `threads` (numbers), `rounds`, `runs`, `warm_up`, `shape` (1, 3, size,
    size), `golden` (the archive), `least_sqnr_db` (by file) and `sustained_s`.
    """

    def __init__(self, folder: str, job: dict[str, Any], say: Say) -> None:
        self.folder, self.job, self.say = folder, job, say
        self.entries: list[Any] = []

    def result(self) -> dict[str, Any]:
        """Everything measured, one document."""
        before = read_state()
        for threads in self.job["threads"]:
            self._race(threads)
        after = read_state()
        sustained = self._sustain() if self.job["sustained_s"] else None
        return {"before": before, "after": after, "entries": self.entries, "sustained": sustained}

    def _race(self, threads: int) -> None:
        lanes: list[Any] = []
        with closing_all(lanes):
            runners = []
            for file in self.job["files"]:
                entry: dict[str, Any] = {"file": file["file"], "threads": threads, "rounds": [], "error": None}
                self.entries.append(entry)
                lane = self._opened(file, threads, entry, lanes)
                if lane is not None:
                    runners.append((lane, entry))
            for turn in range(self.job["rounds"]):
                for lane, entry in runners:
                    if entry["error"] is None:
                        self._turn(lane, entry, turn)
                self.say({"progress": "time", "threads": threads, "done": turn + 1, "total": self.job["rounds"]})
            for lane, entry in runners:
                if entry["error"] is None:
                    with noting_faults(entry):
                        entry.update(lane.ask(do="memory"))

    def _opened(self, file: dict[str, Any], threads: int, entry: dict[str, Any], lanes: list[Any]) -> Lane | None:
        self.say({"progress": "check", "file": file["file"], "threads": threads})
        lane = Lane()
        lanes.append(lane)
        path, golden = os.path.join(self.folder, file["file"]), os.path.join(self.folder, self.job["golden"])
        with noting_faults(entry):
            entry.update(
                lane.ask(do="open", path=path, runtime=file["runtime"], threads=threads, shape=self.job["shape"])
            )
            entry["golden"] = lane.ask(do="golden", path=golden, key=file["file"])
            self._require_golden(file["file"], entry["golden"])
            return lane
        return None

    def _require_golden(self, name: str, golden: dict[str, Any]) -> None:
        least = self.job["least_sqnr_db"][name]
        if golden["noise"] > golden["signal"] * 10 ** (-least / 10) or not golden["std"] > 0:
            raise AgentError(
                "golden",
                f"it does not compute here what it computed where it was made: {golden['same_top1']} of"
                f" {golden['images']} golden images have the same top-1, and the logits differ by more than {least} dB",
            )

    def _turn(self, lane: Lane, entry: dict[str, Any], turn: int) -> None:
        warm_up = self.job["warm_up"] + (FIRST_WARM_UP if turn == 0 else 0)
        with noting_faults(entry):
            entry["rounds"].append(lane.ask(do="run", warm_up=warm_up, times=self.job["runs"])["ms"])

    def _sustain(self) -> dict[str, Any] | None:
        """Work without a pause with the fastest int8 file."""
        int8 = {file["file"]: file for file in self.job["files"] if file["int8"]}
        timed = [
            (statistics.median(ms for taken in entry["rounds"] for ms in taken), entry)
            for entry in self.entries
            if entry["file"] in int8 and entry["error"] is None
        ]
        if not timed:
            return None
        median, fastest = min(timed, key=lambda each: each[0])
        lanes: list[Any] = []
        with closing_all(lanes):
            entry: dict[str, Any] = {}
            lane = self._opened(int8[fastest["file"]], fastest["threads"], entry, lanes)
            if lane is None:
                return None
            points, start, times = [], time.monotonic(), max(1, round(1000 / median))
            while (elapsed := time.monotonic() - start) < self.job["sustained_s"]:
                milliseconds = lane.ask(do="run", warm_up=0, times=times)["ms"]
                seconds = time.monotonic() - start
                points.append({"seconds": seconds, "p50_ms": statistics.median(milliseconds), "state": read_state()})
                self.say({"progress": "sustain", "done": round(elapsed), "total": self.job["sustained_s"]})
        return {"file": fastest["file"], "threads": fastest["threads"], "points": points}


# --- a private environment -------------------------------------------------------------------------------------------


def private_environment() -> str:
    """Where `--setup` puts Python packages: nothing of the system's is touched."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "levit-edge", "board")


def unfinished_environment() -> str:
    """Where this agent makes it."""
    return f"{private_environment()}{UNFINISHED}{os.getpid()}"


def set_up(requirements: list[Any], wheels: str | None, say: Say) -> dict[str, Any]:
    """Make the private environment, from the board's package index or from `wheels`, a folder; whole or not at all."""
    place = private_environment()
    new = unfinished_environment()
    _sweep(place + UNFINISHED)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    python = os.path.join(new, "bin", "python")
    try:
        say({"progress": "set up", "step": "environment"})
        _program([sys.executable, "-m", "venv", *(["--without-pip"] if wheels else []), new])
        say({"progress": "set up", "step": "packages"})
        if wheels:
            (pip,) = glob.glob(os.path.join(wheels, "pip-*.whl"))
            install = [python, os.path.join(pip, "pip"), "install", "--no-index", "--find-links", wheels]
        else:
            install = [python, "-m", "pip", "install", "--disable-pip-version-check"]
        _program([*install, "--only-binary=:all:", *requirements])
        shutil.rmtree(place, ignore_errors=True)
        os.rename(new, place)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return {"place": place}


def _program(command: list[Any]) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise AgentError("setup", f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        kind = "disk" if "No space left" in done.stderr else "setup"
        raise AgentError(kind, "\n".join(lines[-8:]))


# --- the agent -------------------------------------------------------------------------------------------------------


class Agent:
    """Answers the host until the connection ends."""

    def __init__(self, answers: int, needed: int) -> None:
        self._answers, self._writing = answers, threading.Lock()
        self._requests: queue.Queue[bytes] = queue.Queue()
        self._heard = time.monotonic()
        self.folder = _own_folder(needed)
        self.lanes: dict[str, Any] = {}

    def serve(self) -> None:
        """Greet, then answer."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda *_: self.end())
        os.write(self._answers, GREETING)
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
            "packages": installed_packages(),
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
                        write_all(file.fileno(), part)
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
        """Open files that were put, one thread each, to run photographs through all of them."""
        packages = []
        for model in models:
            lane = Lane()
            self.lanes[model["file"]] = lane
            path = os.path.join(self.folder, model["file"])
            try:
                lane.send({"do": "open", "path": path, "runtime": model["runtime"], "threads": 1, "shape": shape})
                packages.append(lane.receive()[0]["package"])
                lane.send({"do": "normalise_by", "tables": tables})
                lane.receive()
            except AgentError as error:
                raise AgentError(error.kind, f"{model['file']}: {error}") from None
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
                raise AgentError(error.kind, f"{name}: {error}") from None
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
            time.sleep(HEARTBEAT_S)
            if time.monotonic() - self._heard > SILENCE_S:
                self.end()
            self.say({"alive": True})


def _own_folder(needed: int) -> str:
    """A new folder where so many bytes fit; those of agents that are gone are removed."""
    home = os.path.expanduser("~")
    places = [tempfile.gettempdir(), "/var/tmp", os.path.join(home, ".cache"), home]  # noqa: S108 - mkdtemp is safe
    found = []
    for place in dict.fromkeys(place for place in places if os.path.isdir(place) and os.access(place, os.W_OK)):
        _sweep(os.path.join(place, FOLDER_PREFIX))
        free = shutil.disk_usage(place).free
        if free >= needed:
            return tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=place)
        found.append(f"{place} has {free >> 20}")
    raise AgentError(
        "disk", f"{1 + (needed >> 20)} MiB are needed for the files, and {', '.join(found) or 'no folder is'} free"
    )


def _sweep(prefix: str) -> None:
    for left in glob.glob(glob.escape(prefix) + "*"):
        owner = left[len(prefix) :].partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and os.stat(left).st_uid == os.getuid() and not os.path.exists(f"/proc/{owner}"):
                shutil.rmtree(left, ignore_errors=True)


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
    answers = os.dup(1)
    os.dup2(2, 1)  # native libraries print
    try:
        agent = Agent(answers, needed=int(sys.argv[-1]))
    except (AgentError, OSError) as error:
        sys.exit(f"levit-edge: {error}")
    os.environ.update(NO_TELEMETRY, TMPDIR=agent.folder)  # native libraries and pip write temporary files
    agent.serve()


if __name__ == "__main__":
    main()

"""A bundle timed by a Chromium on this computer, without a window: its page is served to it on loopback."""

import atexit
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from levit_edge.benchmark.interference import busy
from levit_edge.benchmark.measurement import BoardState, Measurement
from levit_edge.board.measure import BenchmarkSettings, Schedule, files_to_measure, latency_gate
from levit_edge.board.session import Progress
from levit_edge.board.web.page import page_to_serve
from levit_edge.board.web.results import TARGET, read_result
from levit_edge.board.web.server import served
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.device.small_files import usable_cores
from levit_edge.errors import BoardError, MeasurementError
from levit_edge.text import reason, shortened

__all__ = ["BROWSER_VARIABLE", "browser_program", "measure_in_browser"]

BROWSER_VARIABLE = "LEVIT_EDGE_BROWSER"
"""The environment variable that names the Chromium to use."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
    "--disable-background-networking", "--disable-sync", "--mute-audio",
)  # fmt: skip
MOST_THREADS = 64
"""As in web_demo/page/bench.js."""
MOST_TEXT = 500
TIMEOUT_S = 600.0
ENDING_S = 10
POLL_S = 0.2
MOST_LOG_BYTES = 1 << 16
Process = subprocess.Popen[bytes]
Answers = queue.Queue[Measurement | Exception]


def measure_in_browser(bundle: Bundle, settings: BenchmarkSettings, progress: Progress | None = None) -> Measurement:
    """Time the bundle's ONNX files in a local Chromium.

    Raises:
        BoardError: there is none, it cannot show the page, or is not done in time; or `settings` ask for what no page
            does.
        BundleError, PackageError: as for the package of a page.
    """
    if settings.sustained_s or settings.profile or settings.runtimes not in {None, (Runtime.ONNXRUNTIME,)}:
        raise BoardError(
            f"{TARGET}: pages run ONNX files, and no --sustained or --profile: leave them and other runtimes out."
        )
    asked = _asked(settings)
    artifacts = files_to_measure(bundle, replace(settings, runtimes=(Runtime.ONNXRUNTIME,)))
    program, before = _required_browser(), BoardState(load_average=os.getloadavg()[0])
    tell = progress or (lambda _what, _done, _total: None)
    answers: Answers = queue.Queue()

    def make_page() -> bytes:
        tell("make the page", 0, None)  # npm may have to fetch the runtime
        return page_to_serve(bundle, artifacts)

    def take(content: bytes, _address: str) -> None:
        try:
            answers.put(read_result(content, bundle))
        except Exception as error:
            answers.put(error)
            raise

    with served(make_page, take) as server:
        tell("time", 0, None)
        with _browser(program, f"{server.address}#{asked}") as (process, log):
            measured = _answer(process, log, answers, settings.timeout_s or TIMEOUT_S)
    measured = replace(measured, before=before, gate=latency_gate(measured.results, settings.max_latency_ms))
    return replace(measured, findings=(*measured.findings, *busy(measured)))  # pages know of no load


def _asked(settings: BenchmarkSettings) -> str:
    """The settings for the page, behind the `#` of its address."""
    schedule = Schedule.of(settings, usable_cores())
    if max(schedule.threads) > MOST_THREADS:
        raise BoardError(f"{TARGET}: {max(schedule.threads)} threads, expected at most {MOST_THREADS}: see --threads.")
    return (
        f"bench&rounds={schedule.rounds}&runs={schedule.runs}&warm_up={settings.warm_up}"
        f"&threads={','.join(map(str, schedule.threads))}"
    )


def _answer(process: Process, log: Path, answers: Answers, timeout_s: float) -> Measurement:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        with suppress(queue.Empty):
            answer = answers.get(timeout=POLL_S)
            if isinstance(answer, Measurement):
                return answer
            if not isinstance(answer, MeasurementError):
                raise answer
            raise BoardError(f"{TARGET}: {reason(str(answer), MOST_TEXT)}") from answer
        if process.poll() is not None:
            raise BoardError(
                f"{TARGET}: the browser ended with status {process.returncode}: {_last_words(log)}. Another one is"
                f" named by {BROWSER_VARIABLE}."
            )
    raise BoardError(f"{TARGET}: no result in {timeout_s:g} s. A longer --timeout may do.")


def browser_program() -> str | None:
    """The Chromium that the user names, or that is found; None if there is none."""
    return os.environ.get(BROWSER_VARIABLE) or next(filter(None, map(shutil.which, PROGRAMS)), None)


def _required_browser() -> str:
    program = browser_program()
    if program is None:
        raise BoardError(
            f"{TARGET}: there is no Chromium here. Install chromium, or name one by {BROWSER_VARIABLE}; in other"
            " browsers and on phones: levit-edge serve."
        )
    if shutil.which(program) is None:
        raise BoardError(
            f"{TARGET}: {program}, which {BROWSER_VARIABLE} names, is no program: correct it, or unset it."
        )
    return program


@contextmanager
def _browser(program: str, address: str) -> Iterator[tuple[Process, Path]]:
    """A browser that shows `address`, with a profile of its own, until the body ends; and the file of what it says."""
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # it refuses to start otherwise; the page is our own
    with tempfile.TemporaryDirectory(prefix="levit-edge-browser-", ignore_cleanup_errors=True) as folder:
        profile, log = Path(folder, "profile"), Path(folder, "log")
        command = [program, *OPTIONS, *as_root, f"--user-data-dir={profile}", address]
        with log.open("wb") as said:
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
                )
            except OSError as error:
                raise BoardError(f"{TARGET}: {program} cannot be started: {error.strerror}.") from error
        end = partial(_end, process)
        atexit.register(end)  # Ctrl-C leaves other threads than the main one as they are
        try:
            yield process, log
        finally:
            end()
            atexit.unregister(end)


def _end(process: Process) -> None:
    """Let it and its helpers end; it was made the leader of a group of its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDING_S)
            return


def _last_words(log: Path) -> str:
    said = log.read_bytes()[-MOST_LOG_BYTES:].decode("utf-8", "replace")
    lines = [line for line in said.splitlines() if line.strip()]
    return ascii(shortened(lines[-1], 200)) if lines else "it says nothing"

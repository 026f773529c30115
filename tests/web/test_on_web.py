"""`levit-edge bench --on web`: a Chromium of this computer measures, and sends back what it measured."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from levit_edge.board.measure import BenchmarkSettings
from levit_edge.board.web import browser as module
from levit_edge.board.web import page as page_module
from levit_edge.board.web.browser import BROWSER_VARIABLE, measure_in_browser
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import BoardError, ExitStatus

pytestmark = pytest.mark.release


@pytest.fixture
def packed(served_page: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is packed already."""
    monkeypatch.setattr(module, "page_to_serve", lambda *_: served_page)


@pytest.mark.usefixtures("browser", "packed")
def test_it_measures_both_files_with_both_numbers_of_threads(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 3.0, 3.0))
    settings = BenchmarkSettings(threads=(1, 2), runs=4, max_latency_ms=1e6, timeout_s=300)
    found = measure_in_browser(Bundle.open(tiny_bundle), settings)
    rows = [(each.artifact, each.threads, each.runs) for each in found.results]
    assert rows == [("int8.onnx", 1, 4), ("fp32.onnx", 1, 4), ("int8.onnx", 2, 4), ("fp32.onnx", 2, 4)]
    assert (found.rounds, found.runs, found.target) == (4, 1, "web")
    assert found.gate.passed
    assert found.device.kernel.startswith("Chrom")
    assert found.before.load_average == 3.0
    assert [line for line in found.findings if line.startswith("The board was busy before the first run: load")]


@pytest.mark.usefixtures("browser")
def test_the_command_shows_and_saves_it(
    tiny_bundle: Path,
    runtime: Mapping[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_module, "runtime_files", lambda: runtime)
    command = ["bench", str(tiny_bundle), "--on", "web", "--runs", "2", "--threads", "1", "--precision", "int8"]
    assert run([*command, "--save", str(tmp_path / "results")]) == ExitStatus.DONE
    said = capsys.readouterr().out
    assert "int8.onnx" in said
    assert "fp32.onnx" not in said
    assert "not native speed" in said
    assert len([*(tmp_path / "results").glob("*.json")]) == 1


@pytest.mark.usefixtures("browser")
def test_a_page_that_refuses_says_why(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, runtime: Mapping[str, bytes]
) -> None:
    damaged = {name: data[: len(data) // 2] for name, data in runtime.items()}
    monkeypatch.setattr(page_module, "runtime_files", lambda: damaged)
    with pytest.raises(BoardError, match="web: the page could not measure: "):
        measure_in_browser(Bundle.open(tiny_bundle), BenchmarkSettings(runs=2, timeout_s=120))


def test_browsers_that_are_none_are_told(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "page_to_serve", lambda *_: b"which none of them opens")
    bundle = Bundle.open(tiny_bundle)
    ending = tmp_path / "ending"
    ending.write_text("#!/bin/sh\necho 'no display \033[31m' >&2\nexit 7\n")
    ending.chmod(0o755)
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n")
    silent.chmod(0o755)
    monkeypatch.setenv(BROWSER_VARIABLE, str(ending))
    with pytest.raises(
        BoardError, match=rf"ended with status 7: 'no display \\x1b\[31m'\. Another .*{BROWSER_VARIABLE}"
    ):
        measure_in_browser(bundle, BenchmarkSettings())
    monkeypatch.setenv(BROWSER_VARIABLE, str(silent))
    with pytest.raises(BoardError, match=r"no result in 0\.5 s"):
        measure_in_browser(bundle, BenchmarkSettings(timeout_s=0.5))
    monkeypatch.setenv(BROWSER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(BoardError, match=f"none, which {BROWSER_VARIABLE} names, is no program"):
        measure_in_browser(bundle, BenchmarkSettings())
    monkeypatch.setattr(module, "page_to_serve", lambda *_: pytest.fail("the page is not made in vain"))
    with pytest.raises(BoardError, match="is no program"):
        measure_in_browser(bundle, BenchmarkSettings())
    monkeypatch.delenv(BROWSER_VARIABLE)
    monkeypatch.setattr(module, "PROGRAMS", ("no-such-browser",))
    with pytest.raises(BoardError, match=f"no Chromium here. Install chromium, or name one by {BROWSER_VARIABLE}"):
        measure_in_browser(bundle, BenchmarkSettings())


INTERRUPTED = """
import sys, threading
from pathlib import Path
from levit_edge.board.fleet import Board, side_by_side
from levit_edge.board.web import browser

def work(board):
    if board.on != "web":
        threading.Event().wait()
    with browser._browser(browser.browser_program(), "about:blank") as (process, _log):
        print(process.pid, flush=True)
        threading.Event().wait()

try:
    side_by_side([Board(on="web"), Board(on="ssh://a")], work)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_ends_a_browser_beside_other_boards(tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n")
    silent.chmod(0o755)
    environment = os.environ | {BROWSER_VARIABLE: str(silent), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        browser = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(browser, 0)
    assert [*tmp_path.iterdir()] == [silent]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (BenchmarkSettings(sustained_s=1), "pages run ONNX files"),
        (BenchmarkSettings(runtimes=(Runtime.EXECUTORCH,)), "pages run ONNX files"),
        (BenchmarkSettings(threads=(1, 128)), "128 threads, expected at most 64"),
    ],
)
def test_what_no_page_does_is_refused(tiny_bundle: Path, settings: BenchmarkSettings, fault: str) -> None:
    with pytest.raises(BoardError, match=fault):
        measure_in_browser(Bundle.open(tiny_bundle), settings)

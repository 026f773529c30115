"""`levit-edge serve`: what it says, what it takes, and how it ends."""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from levit_edge.benchmark.files import load_measurements
from levit_edge.board.web import page as page_module
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.commands import serve as module
from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus
from levit_edge.package.contents import WEB_RUNTIME
from tests.board.web.test_results import document

Captured = pytest.CaptureFixture[str]
ADDRESS = re.compile(r"http://[^\s]+/")
RUNTIME: Mapping[str, bytes] = dict.fromkeys(WEB_RUNTIME, b"no runtime")


@pytest.fixture(autouse=True)
def without_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "runtime_files", lambda: RUNTIME)
    monkeypatch.setattr(module, "note_fetch", lambda: None)


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> None:
    """Let `work` be done while it is served, and then Ctrl-C come."""

    class Event:
        def wait(self, _seconds: float) -> None:
            work()
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "threading", SimpleNamespace(Event=Event))


def post(address: str, content: bytes) -> int:
    request = urllib.request.Request(f"{address}results", data=content)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_results_are_shown_and_saved_until_it_is_ended(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    statuses: list[int] = []
    said: list[str] = []

    def work() -> None:
        said.append(capsys.readouterr().out)
        (address,) = ADDRESS.findall(said[0])
        with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310
            assert b'<meta name="results"' in answer.read()
        good = json.dumps(document(Bundle.open(tiny_bundle))).encode()
        statuses.extend(post(address, content) for content in (good, b"garbage"))

    meanwhile(monkeypatch, work)
    assert run(["serve", str(tiny_bundle), "--port", "0", "--save", str(tmp_path / "results")]) == ExitStatus.DONE
    assert statuses == [200, 400]
    shown = capsys.readouterr()
    assert "from this computer alone" in said[0]
    assert "Chromium 150: int8.onnx, 1 thread, p50 1.00 ms" in shown.out
    assert "ended; 1 result taken." in shown.out
    assert "a result was not taken: what the page sent is not JSON" in " ".join(shown.err.split())
    (saved,) = load_measurements([tmp_path / "results"])
    assert (saved.target, saved.model.name) == ("web", document(Bundle.open(tiny_bundle))["model"]["name"])


@pytest.mark.parametrize("installed", [True, False])
def test_for_others_there_is_a_code(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, installed: bool
) -> None:
    made: list[str] = []

    def make(address: str, **_options: object) -> SimpleNamespace:
        made.append(address)
        return SimpleNamespace(terminal=lambda out, **_options: out.write("the code\n"))

    monkeypatch.setitem(sys.modules, "segno", SimpleNamespace(make=make) if installed else None)
    meanwhile(monkeypatch, lambda: None)
    assert run(["serve", str(tiny_bundle), "--port", "0", "--host", "0.0.0.0"]) == ExitStatus.DONE  # noqa: S104
    shown = capsys.readouterr()
    assert "whoever is in this network" in shown.out
    assert made == (ADDRESS.findall(shown.out) if installed else [])
    assert ("the code" in shown.out) is installed
    assert ("levit-edge[web]" in shown.err) is not installed


def test_what_is_no_bundle_is_refused(tmp_path: Path, capsys: Captured) -> None:
    assert run(["serve", str(tmp_path)]) == ExitStatus.BAD_INPUT
    assert "has no manifest.json" in capsys.readouterr().err

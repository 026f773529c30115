"""`levit-edge serve`: what it says, what it takes, and how it ends."""

import http.client
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

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
    """Let `work` be done while it is served, and then Ctrl-C come, if it has not ended by itself."""

    class Event:
        def __init__(self) -> None:
            self.ended = False

        def set(self) -> None:
            self.ended = True

        def wait(self, _seconds: float) -> bool:
            work()
            if not self.ended:
                raise KeyboardInterrupt
            return True

    monkeypatch.setattr(module, "threading", SimpleNamespace(Event=Event))


def post_from(source: str, address: str, content: bytes) -> int:
    """From another address of this computer."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=20, source_address=(source, 0))
    connection.request("POST", f"{where.path}results", content)
    status = connection.getresponse().status
    connection.close()
    return status


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
    made: list[str] = []

    def work() -> None:
        before = capsys.readouterr()
        said.append(before.out)
        made.append(before.err)
        (address,) = ADDRESS.findall(said[0])
        with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310
            assert b'<meta name="results"' in answer.read()
        good = json.dumps(document(Bundle.open(tiny_bundle))).encode()
        statuses.extend(post(address, content) for content in (good, good, b"garbage"))

    meanwhile(monkeypatch, work)
    assert run(["serve", str(tiny_bundle), "--port", "0", "--save", str(tmp_path / "results")]) == ExitStatus.DONE
    assert statuses == [200, 200, 400]
    shown = capsys.readouterr()
    assert "from this computer alone" in said[0]
    for part in ("Linux, in Chromium 150", "int8.onnx", "INT8 is 1.50 times as fast as fp32", "not native speed"):
        assert part in " ".join(shown.out.split())
    assert "ended; 1 result taken." in shown.out
    assert "note: making the page" in made[0]
    assert "a result came once more: it counts once" in shown.err
    assert "a result was not taken: what the page sent is not JSON" in " ".join(shown.err.split())
    (saved,) = load_measurements([tmp_path / "results"])
    assert (saved.target, saved.model.name) == ("web", document(Bundle.open(tiny_bundle))["model"]["name"])


def test_phones_of_one_kind_are_told_apart(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    good = document(Bundle.open(tiny_bundle))
    senders = ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.3", "127.0.0.2"]

    def work() -> None:
        (address,) = ADDRESS.findall(capsys.readouterr().out)
        for minute, sender in enumerate(senders):
            device = good["device"] | {"model": "Pixel 8, Chrome on Android"}
            sent = good | {"device": device, "created_utc": f"2026-11-28T19:{minute:02}:00+00:00"}
            assert post_from(sender, address, json.dumps(sent).encode()) == 200

    meanwhile(monkeypatch, work)
    assert run(["serve", str(tiny_bundle), "--port", "0", "--save", str(tmp_path / "results")]) == ExitStatus.DONE
    saved = sorted(load_measurements([tmp_path / "results"]), key=lambda each: each.created_utc)
    found = [each.device.model.removeprefix("Pixel 8, Chrome on Android") for each in saved]
    assert found == ["", " (2)", "", " (3)", " (2)"]


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


def send(monkeypatch: pytest.MonkeyPatch, capsys: Captured, content: bytes, command: list[str]) -> tuple[int, int, str]:
    """Serve, and send that: the answer, the exit status, and what was said about it."""
    statuses: list[int] = []

    def work() -> None:
        statuses.append(post(ADDRESS.findall(capsys.readouterr().out)[0], content))

    meanwhile(monkeypatch, work)
    ended = run(["serve", *command, "--port", "0"])
    return statuses[0], ended, capsys.readouterr().err


def test_a_result_is_saved_also_if_nobody_reads_what_is_said(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def closed(*_arguments: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("levit_edge.cli.show.bench.bench_table", closed)
    monkeypatch.setattr("levit_edge.cli.main.forget_output", lambda: None)
    content = json.dumps(document(Bundle.open(tiny_bundle))).encode()
    found = send(monkeypatch, capsys, content, [str(tiny_bundle), "--save", str(tmp_path)])
    assert found[:2] == (200, ExitStatus.OUTPUT_CLOSED)
    assert len(load_measurements([tmp_path])) == 1


def test_a_result_that_cannot_be_saved_is_told(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("levit_edge.benchmark.files.save", fail)
    content = json.dumps(document(Bundle.open(tiny_bundle))).encode()
    answer, ended, said = send(monkeypatch, capsys, content, [str(tiny_bundle), "--save", str(tmp_path)])
    assert (answer, ended) == (500, ExitStatus.DONE)
    assert "a result was not taken: ZeroDivisionError: a bug" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": "\x1b[2J\nwarning: a line of mine"},
        {"left_out": {"\x1b[2J\nwarning: a line of mine": 1}},
        {"before": {"temperatures": {"\x1b[2J\nwarning: a line of mine": "hot"}}},
        {"emulated": [{"artifact": "int8.onnx", "kernel_sites": {"\x1b[2J\nwarning: a line of mine": "x"}}]},
        {"x" * 100_000: 1},
        {"runs": 10**4000},
    ],
)
def test_what_is_sent_does_nothing_to_the_terminal(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, changes: dict[str, Any]
) -> None:
    content = json.dumps(document(Bundle.open(tiny_bundle)) | changes).encode()
    answer, _, said = send(monkeypatch, capsys, content, [str(tiny_bundle)])
    assert answer == 400
    assert "\x1b" not in said
    assert len(said) < 700
    assert not [line for line in said.splitlines() if line.startswith("warning: a line")]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_on_loopback_nobody_else_reaches_it(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, host: str
) -> None:
    meanwhile(monkeypatch, lambda: None)
    assert run(["serve", str(tiny_bundle), "--port", "0", "--host", host]) == ExitStatus.DONE
    assert "Reachable from this computer alone" in capsys.readouterr().out

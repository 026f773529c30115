"""`levit-edge bench` and `verify --on`, as far as they need no board but this computer."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from levit_edge.benchmark.measurement import Measurement
from levit_edge.cli.main import run
from levit_edge.cli.terminal.progress import progress_bars
from levit_edge.documents import from_json
from levit_edge.errors import DataError, ExitStatus
from tests.board.stand_in import HELLO, StandIn, answering

COMMAND = (sys.executable, "-m", "levit_edge.cli.main")
ONCE = ("--runs", "1", "--threads", "1")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where agents put their files; nothing may be left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def bench(*arguments: str | Path) -> int:
    return run(["bench", *map(str, arguments)])


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Missing argument 'BUNDLE'"),
        (["x", "--runs", "0"], "--runs"),
        (["x", "--runs", "many"], "--runs"),
        (["x", "--threads", "0"], "'0' is not a list of numbers from 1, such as 1,2,4"),
        (["x", "--threads", ""], "the value of --threads is empty"),
        (["x", "--threads", "1,,2"], "'1,,2' is not a list of numbers"),
        (["x", "--threads", "1;2"], "'1;2' is not a list of numbers"),
        (["x", "--threads=-1"], "'-1' is not a list of numbers"),
        (["x", "--sustained=-1"], "--sustained"),
        (["x", "--max-latency-ms=-1"], "--max-latency-ms"),
        (["x", "--timeout", "0"], "--timeout"),
        (["x", "--runtime", "abacus"], "--runtime"),
        (["x", "--offline"], "goes with --setup"),
        (["x", "--setup"], "is for boards: this computer has what levit-edge was installed with"),
        (["x", "--setup", "--on", "ssh://pi", "--on", "local"], "is for boards"),
        (["x", "--setup", "--on", "web"], "is for boards"),
        (["x", "--on", "local", "--fleet", "fleet.toml"], "give --on or --fleet, not both"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_exit_status_2(capsys: Captured, arguments: list[str], complaint: str) -> None:
    assert bench(*arguments) == ExitStatus.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert complaint in captured.err


@pytest.mark.parametrize("option", ["--python", "--ssh-config", "--timeout"])
def test_options_about_boards_need_one(capsys: Captured, tiny_bundle: Path, tmp_path: Path, option: str) -> None:
    assert run(["verify", str(tiny_bundle), "--evaluation", str(tmp_path), option, "1"]) == ExitStatus.USAGE
    assert "goes with --on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--on", "pi@kitchen"], "'pi@kitchen' is not a board; expected one of local"),
        (["--on", "ssh://pi:secret@kitchen"], "has a password in it"),
        (["--fleet", "fleet.toml"], "the fleet 'fleet.toml' does not exist"),
        (["--python", "/nowhere/python"], "local: /nowhere/python cannot be started"),
        (["--runtime", "executorch"], "executorch"),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_bad_input_is_exit_status_3_and_one_message(
    capsys: Captured, tiny_bundle: Path, options: list[str], complaint: str, flags: list[str]
) -> None:
    assert bench(tiny_bundle, *options, *flags) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert complaint in captured.err
    assert captured.err.count("error: ") == 1


def test_a_bundle_that_is_none_is_bad_input(capsys: Captured, tmp_path: Path) -> None:
    assert bench(tmp_path) == ExitStatus.BAD_INPUT
    assert "error: " in capsys.readouterr().err


# --- what comes out --------------------------------------------------------------------------------------------------


def test_this_computer_is_measured(capsys: Captured, tiny_bundle: Path) -> None:
    assert bench(tiny_bundle, "--runs", "3", "--threads", "1,2,1") == ExitStatus.DONE
    captured = capsys.readouterr()
    assert captured.out.startswith("local: ")
    rows = [line.split() for line in captured.out.splitlines() if line.startswith(("fp32.onnx ", "int8.onnx "))]
    assert [row[:2] for row in rows] == [[file, count] for file in ("fp32.onnx", "int8.onnx") for count in "12"]
    assert all(len(row) in {11, 12} for row in rows)  # `60 dB` are two words
    assert re.search(r"onnxruntime, 2 threads: INT8 is [\d.]+ times as fast as fp32 \(quartiles", captured.out)
    assert "3 runs of each in 3 turns, one image at a time; onnxruntime 1." in captured.out
    assert captured.err.splitlines() == [
        "send fp32.onnx …", "send int8.onnx …", "send golden.npz …",
        "check fp32.onnx 1 thread …", "check int8.onnx 1 thread …", "time 1 thread …",
        "check fp32.onnx 2 threads …", "check int8.onnx 2 threads …", "time 2 threads …",
    ]  # fmt: skip


def test_json_is_one_document_and_nothing_else(capsys: Captured, tiny_bundle: Path) -> None:
    assert bench(tiny_bundle, *ONCE, "--json") == ExitStatus.DONE
    captured = capsys.readouterr()
    found = from_json(Measurement, json.loads(captured.out), DataError, "the measurement")
    assert [each.artifact for each in found.results] == ["fp32.onnx", "int8.onnx"]
    assert found.target == "local"
    assert captured.err == ""


@pytest.mark.parametrize(("limit", "status", "verdict"), [("1e6", 0, "passed"), ("0", 4, "FAILED")])
def test_a_gate_decides_the_exit_status(
    capsys: Captured, tiny_bundle: Path, limit: str, status: int, verdict: str
) -> None:
    assert bench(tiny_bundle, *ONCE, "--max-latency-ms", limit) == status
    assert f"gate {verdict}: the fastest INT8 median is to take at most {float(limit):g} ms" in capsys.readouterr().out
    assert bench(tiny_bundle, *ONCE, "--max-latency-ms", limit, "--json") == status
    assert json.loads(capsys.readouterr().out)["gate"] == {"max_latency_ms": float(limit), "passed": status == 0}


def test_a_fleet_is_one_document_with_an_entry_for_each_board(
    capsys: Captured, tiny_bundle: Path, tmp_path: Path
) -> None:
    """Of a board that fails, why; the others are measured, and the status says that one failed."""
    fleet = tmp_path / "fleet.toml"
    fleet.write_text('[[board]]\non = "local"\nthreads = [2]\n[[board]]\non = "local"\npython = "/nowhere/python"\n')
    assert bench(tiny_bundle, "--fleet", fleet, *ONCE, "--json") == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    there, missing = json.loads(captured.out)["boards"]
    assert {row["threads"] for row in there["results"]} == {2}
    assert missing["target"] == "local"
    assert "/nowhere/python cannot be started" in missing["error"]
    assert captured.err == f"error: {missing['error']}\n"


def test_a_failed_gate_of_one_board_is_the_status_of_the_fleet(capsys: Captured, tiny_bundle: Path) -> None:
    assert bench(tiny_bundle, "--on", "local", "--on", "local", *ONCE, "--max-latency-ms", "0") == 4
    assert capsys.readouterr().out.count("gate FAILED") == 2


def test_what_is_saved_is_named(capsys: Captured, tiny_bundle: Path, tmp_path: Path) -> None:
    assert bench(tiny_bundle, *ONCE, "--save", tmp_path / "results") == ExitStatus.DONE
    (path,) = (tmp_path / "results").iterdir()
    assert f"saved {path}\n" in capsys.readouterr().out
    assert bench(tiny_bundle, *ONCE, "--save", tmp_path / "results", "--json") == ExitStatus.DONE
    json.loads(capsys.readouterr().out)


def test_verification_on_a_board_has_the_figures_of_one_here(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = ["verify", str(tiny_bundle), "--evaluation", str(labelled_photographs), "--workers", "0", "--json"]
    results = []
    for options in ([], ["--on", "local"]):
        assert run(command + options) == ExitStatus.DONE
        results.append(json.loads(capsys.readouterr().out)["results"])
        for result in results[-1]:
            assert result.pop("images_per_second") > 0
    assert results[0] == results[1]
    assert run([*command, "--on", "local", "--max-drop", "-101"]) == ExitStatus.GATE_FAILED


def test_a_board_has_one_bar_also_if_it_is_set_up_first(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = answering(hello=HELLO, setup=({"progress": "install"}, {"place": "there"}), bench={"entries": []})
    monkeypatch.setattr("levit_edge.board.transports.target.open_target", lambda *_, **__: board)
    bars = progress_bars()
    monkeypatch.setattr("levit_edge.cli.commands.bench.progress_bars", lambda **_: bars)
    assert bench(tiny_bundle, *ONCE, "--setup", "--on", "ssh://pi") == ExitStatus.BAD_INPUT
    (task,) = bars.tasks
    assert task.description == "send golden.npz"


# --- a board that is not to be trusted -------------------------------------------------------------------------------

EVIL = "\x1b[2J\x1b]0;title\x07\u202eevil\r\n"
FACTS = {
    "machine": EVIL,
    "model": EVIL,
    "os": EVIL,
    "kernel": EVIL,
    "python": EVIL,
    "emulator": EVIL,
    "usable_cores": 1,
}


def evil_entry(file: str, **changes: Any) -> dict[str, Any]:
    golden = {"images": 2, "same_top1": 2, "signal": 1.0, "noise": 0.0}
    sizes = {"peak_bytes": 2, "imported_bytes": 1, "load_ms": 1.0, "first_ms": 1.0}
    return {"file": file, "threads": 1, "rounds": [[1.0]], "package": EVIL, "golden": golden, **sizes, **changes}


EVIL_ANSWERS: dict[str, dict[str, Any]] = {
    "entries": {
        "hello": HELLO | {"facts": FACTS, "executable": EVIL},
        "bench": (
            {"progress": EVIL, "file": EVIL, "step": EVIL},
            {
                "entries": [evil_entry("fp32.onnx"), evil_entry("int8.onnx", error={"message": EVIL})],
                "before": {"governors": {EVIL: EVIL}, "temperatures_mc": {EVIL: 50000}},
                "after": {},
            },
        ),
    },
    "error": {"hello": {"error": {"kind": EVIL, "message": EVIL}}},
    "packages": {"hello": HELLO | {"packages": {}, "executable": EVIL}},
}


@pytest.mark.parametrize("answers", EVIL_ANSWERS.values(), ids=EVIL_ANSWERS)
def test_nothing_that_a_board_says_reaches_the_terminal_raw(
    capsys: Captured, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]
) -> None:
    monkeypatch.setattr("levit_edge.board.transports.target.open_target", lambda *_, **__: answering(**answers))
    bench(tiny_bundle, *ONCE)
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert "evil" in shown or "title" in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_last_words_of_a_board_do_not_either(
    capsys: Captured, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = StandIn(f"sys.stderr.buffer.write({('levit-edge: ' + EVIL).encode()!r}); sys.exit(1)")
    monkeypatch.setattr("levit_edge.board.transports.target.open_target", lambda *_, **__: board)
    assert bench(tiny_bundle) == ExitStatus.BAD_INPUT
    assert all(line.isprintable() for line in capsys.readouterr().err.split("\n"))


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boards", [1, 2])
def test_ctrl_c_is_status_130_without_a_traceback(tiny_bundle: Path, temporary: Path, boards: int) -> None:
    command = [
        *COMMAND,
        "bench",
        str(tiny_bundle),
        "--threads",
        "1",
        *["--on", "local"] * boards,
        "--sustained",
        "3600",
    ]
    seen = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"}
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            seen.append(line)
            if line.rstrip().endswith("sustain …"):
                assert list(temporary.iterdir())
                process.send_signal(signal.SIGINT)
                break
        seen += process.stderr.readlines()
        assert process.stdout.read() == ""
    assert process.returncode == ExitStatus.INTERRUPTED, "".join(seen)
    assert "Traceback" not in "".join(seen)
    while list(temporary.iterdir()):  # a fleet is left at once: its agents end by themselves
        time.sleep(0.01)

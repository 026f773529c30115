"""One writer of an output at a time; what a killed one leaves locks nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from levit_edge.bundle.writer import new_bundle
from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus, OutputError
from levit_edge.system.atomic import reserved
from levit_edge.system.locks import output_lock

HOLD = """
import sys
from pathlib import Path
from levit_edge.system.locks import output_lock
with output_lock(Path(sys.argv[1]), "--output"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(output: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes `output`."""
    command = [sys.executable, "-c", HOLD, str(output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with holder(output) as first:
        for second in (new_bundle(output), reserved(output, "--output")):
            with (
                pytest.raises(OutputError, match=rf"out is being written by another run \(process {first.pid}\): wait"),
                second,
            ):
                pytest.fail("two at once")
        with new_bundle(tmp_path / "other"):
            pass
    assert names(tmp_path) == []


def test_a_killed_holder_locks_nothing_and_its_file_goes(tmp_path: Path) -> None:
    with holder(tmp_path / "out") as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert names(tmp_path) == [".out.lock"]
        with output_lock(tmp_path / "out", "--output"):
            assert (tmp_path / ".out.lock").read_text() == f"{os.getpid()}\n"
    assert names(tmp_path) == []


def test_a_lock_that_its_holder_removes_meanwhile_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening the file and locking it."""
    path, opened, opens = tmp_path / ".out.lock", os.open, list[int]()

    def open_late(*arguments: object) -> int:
        opens.append(opened(*arguments))  # type: ignore[arg-type]
        if len(opens) == 1:
            path.unlink()
        return opens[-1]

    monkeypatch.setattr(os, "open", open_late)
    with output_lock(tmp_path / "out", "--output"):
        assert len(opens) == 2
        assert path.exists()


@pytest.mark.parametrize("kind", ["text", "link", "folder"])
def test_a_users_own_file_is_no_lock(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ".out.lock"
    (tmp_path / "mine").write_text("precious")
    if kind == "text":
        path.write_text("precious")
    elif kind == "link":
        path.symlink_to(tmp_path / "mine")
    else:
        path.mkdir()
    before = names(tmp_path)
    with pytest.raises(OutputError, match=r"out\.lock"), output_lock(tmp_path / "out", "--output"):
        pytest.fail("taken")
    assert names(tmp_path) == before
    assert (tmp_path / "mine").read_text() == "precious"
    assert kind != "text" or path.read_text() == "precious"


def test_two_runs_into_one_output_are_one_message_and_exit_status_3(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    commands = (
        ["quantize", "--model", "demo", "--output", output],
        ["package", tiny_bundle, "--for", "board", "--output", tmp_path / "out.zip"],
        ["sensitivity", "--model", "demo", "--plot", tmp_path / "out.png"],
        ["report", tiny_bundle, "--output", tmp_path / "out.html"],
    )
    for command in commands:
        with holder(Path(str(command[-1]))) as first:
            assert run([*map(str, command)]) == ExitStatus.BAD_INPUT
            complaint = capsys.readouterr().err.splitlines()[-1]
            assert complaint.startswith(f"error: {command[-1]} is being written by another run (process {first.pid})")
    assert names(tmp_path) == []

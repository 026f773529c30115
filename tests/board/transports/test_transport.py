"""The line that starts the agent, in the shells that there are."""

import hashlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from levit_edge.board.transports.transport import NO_PYTHON, agent_source, boot_arguments, shell_launch
from levit_edge.device import agent

SHELLS = [each for each in ("sh", "bash", "dash", "zsh", "fish", "ksh", "csh", "mksh") if shutil.which(each)]
PYTHON = """#!/bin/sh
echo {name}
for each in "$@"; do echo "<$each>"; done
"""


def program(path: Path) -> Path:
    """Says its name and its arguments."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PYTHON.format(name=shlex.quote(path.name)))
    path.chmod(0o755)
    return path


def started(line: str, environment: dict[str, str], shell: str = "sh") -> subprocess.CompletedProcess[str]:
    """As an ssh server does it: the user's shell gets the line."""
    command = [str(shutil.which(shell)), "-c", line]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    program(tmp_path / "bin" / "python3")
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path / "the home")}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("boot", [["-u", "-c", "a b;\"c\"'d'$e`f`\\!g*"], boot_arguments(agent_source(), "module", 7)])
def test_arguments_arrive_as_they_are(environment: dict[str, str], shell: str, boot: Sequence[str]) -> None:
    done = started(shell_launch(boot, None), environment, shell)
    assert done.stdout.splitlines() == ["python3", *(f"<{each}>" for each in boot)]


def test_the_private_environment_comes_first(environment: dict[str, str], tmp_path: Path) -> None:
    line = shell_launch([], None)
    program(tmp_path / "the home/.local/share/levit-edge/board/bin/python")
    assert started(line, environment).stdout == "python\n"
    assert started(line, environment | {"XDG_DATA_HOME": str(tmp_path)}).stdout == "python3\n"
    program(tmp_path / "levit-edge/board/bin/python")
    assert started(line, environment | {"XDG_DATA_HOME": str(tmp_path)}).stdout == "python\n"
    (tmp_path / "levit-edge/board/bin/python").chmod(0o644)
    assert started(line, environment | {"XDG_DATA_HOME": str(tmp_path)}).stdout == "python3\n"


@pytest.mark.parametrize("name", ["pythön", "it's python", "-python", "$(python)", "a;b"])
def test_a_python_that_was_named_is_taken_instead(environment: dict[str, str], tmp_path: Path, name: str) -> None:
    program(tmp_path / "the home/.local/share/levit-edge/board/bin/python")
    named = program(tmp_path / "elsewhere" / name)
    assert started(shell_launch([], str(named)), environment).stdout == f"{name}\n"


@pytest.mark.parametrize("python", [None, "/nowhere/python", "python9"])
def test_no_python_is_a_status_of_its_own(tmp_path: Path, python: str | None) -> None:
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    (tmp_path / "sh").symlink_to(str(shutil.which("sh")))
    done = started(shell_launch(["-c", "x"], python), environment)
    assert (done.returncode, done.stdout, done.stderr) == (NO_PYTHON, "", "")


def test_what_is_sent_is_what_is_installed_and_runs_there_as_it_is() -> None:
    """In a Python without any packages, which says where a module came from and what its text is."""
    where = "\nimport inspect; from levit_edge.device import agent; print(agent.__file__, inspect.getsource(agent))"
    source = agent_source() + where.encode()
    boot = boot_arguments(source, "levit_edge.device.agent", "no number")
    done = subprocess.run([sys.executable, "-I", "-S", *boot], input=source, capture_output=True, check=False)
    expected = f"levit_edge/device/agent.py {Path(str(agent.__file__)).read_text()}\n"
    assert done.stdout.decode() == expected, done.stderr
    assert b'File "levit_edge/device/agent.py", line' in done.stderr


def test_the_boards_python_is_told_length_hash_and_what_to_run() -> None:
    assert boot_arguments(b"12345", "module", 9)[3:] == ["5", hashlib.sha256(b"12345").hexdigest(), "module", "9"]

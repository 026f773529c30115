"""Completion as a user has it: `levit-edge --install-completion` in bash, zsh and fish, then TAB."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

pytestmark = pytest.mark.release
SHELLS = ("bash", "zsh", "fish")
TIMEOUT_S = 30
TYPED = {
    "levit-edge ver": "levit-edge verify ",
    "levit-edge quantize --checkp": "levit-edge quantize --checkpoint ",
    "levit-edge quantize --model d": "levit-edge quantize --model demo ",
    "levit-edge sensitivity --range-method perc": "levit-edge sensitivity --range-method percentile ",
    "levit-edge predict x --runtime onn": "levit-edge predict x --runtime onnxruntime ",
    "levit-edge package x --for and": "levit-edge package x --for android ",
    "levit-edge bench x --on loc": "levit-edge bench x --on local ",
    "levit-edge predict my-b": "levit-edge predict my-bundle ",
    "levit-edge verify deeper/oth": "levit-edge verify deeper/other ",
    "levit-edge inspect my-ch": "levit-edge inspect my-checkpoint.pth ",
    "levit-edge quantize --calibration photog": "levit-edge quantize --calibration photographs/",
}


@pytest.fixture(scope="module", params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A shell in whose new home completion was installed, and its environment."""
    name = str(request.param)
    if shutil.which(name) is None:
        message = f"{name} is not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    home = tmp_path_factory.mktemp(name)
    (home / "my-checkpoint.pth").touch()
    (home / "photographs").mkdir()
    for bundle in ("my-bundle", "deeper/other"):
        (home / bundle).mkdir(parents=True)
        (home / bundle / "manifest.json").touch()
    (home / "my-bath").mkdir()
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TERM": "dumb",
        "PS1": "$ ",
        **{name: os.environ[name] for name in ("PYTHONPATH", "LC_ALL", "LANG") if name in os.environ},
    }
    installed = subprocess.run(
        [name, "-c", "levit-edge --install-completion; true"],
        env=environment, cwd=home, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert f"{name} completion installed in {home}" in installed.stdout, installed.stderr
    return name, environment


def pressed_tab(name: str, environment: dict[str, str], line: str) -> str:
    """What stands on the line after TAB."""
    home = environment["HOME"]
    if name == "fish":  # its own way to ask; it says what comes after the last word, one candidate a line
        answer = subprocess.run(
            ["fish", "-c", f"complete -C '{line}'"],
            env=environment, cwd=home, check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert answer.stderr == ""
        (candidate,) = answer.stdout.splitlines()
        value = candidate.split("\t")[0]
        return line.rpartition(" ")[0] + f" {value}" + ("" if value.endswith("/") else " ")
    child = pexpect.spawn(
        name, ["-i"], env=environment, cwd=home, dimensions=(24, 200), encoding="utf-8", timeout=TIMEOUT_S
    )
    child.sendline("echo rea''dy")
    child.expect_exact("ready\r\n")
    child.send(f"{line}\t")
    child.expect_exact(line)
    if name == "zsh":  # the first TAB only loads what Typer has installed
        child.expect_exact("\a")
        child.send("\t")
    child.expect_exact(TYPED[line].removeprefix(line))
    child.sendcontrol("c")
    child.close(force=True)
    return TYPED[line]


@pytest.mark.parametrize("line", TYPED)
def test_tab_completes_commands_options_values_and_paths(shell: tuple[str, dict[str, str]], line: str) -> None:
    assert pressed_tab(*shell, line) == TYPED[line]

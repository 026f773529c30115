"""What `--help` says and how little it loads; that it is fast follows from that, and no test is decided by a clock."""

import re

import pytest

from levit_edge.cli.main import app, run
from levit_edge.cli.subcommands import COMMANDS
from tests.test_imports import imported_by

NAMES = [command.function.__name__ for command in COMMANDS]
SLOW_TO_LOAD = {
    "torch", "torchao", "executorch", "onnx", "onnxruntime", "onnxscript", "numpy", "PIL", "jinja2", "matplotlib",
    "safetensors", "huggingface_hub", "cryptography", "platformdirs",
}  # fmt: skip
PLACEHOLDER = re.compile(r"<(str|int|float|int range|float range)>|\{path\}")

Captured = pytest.CaptureFixture[str]


def shown(capsys: Captured, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*arguments, "--help"]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_loads_nothing_that_takes_long(name: str) -> None:
    code = "from levit_edge.cli.main import run\nassert run([*sys.argv[1:], '--help']) == 0"
    assert imported_by(code, *filter(None, [name])).isdisjoint(SLOW_TO_LOAD)


def test_each_command_has_one_whole_line(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(capsys, monkeypatch)
    for command in COMMANDS:
        assert f"  {command.function.__name__:12} {command.summary}" in lines
    assert any("130" in line for line in lines)  # exit statuses


@pytest.mark.parametrize("name", NAMES)
def test_options_say_what_they_take_and_examples_stand_on_lines_of_their_own(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lines = shown(capsys, monkeypatch, name)
    assert lines[0].startswith(f"Usage: levit-edge {name} [OPTIONS]")
    assert not [line for line in lines if PLACEHOLDER.search(line)]
    assert all(len(line) <= 80 for line in lines)
    (command,) = (each for each in COMMANDS if each.function.__name__ == name)
    assert lines[lines.index("  Examples:") + 1 :] == [f"    levit-edge {example}" for example in command.examples]


@pytest.mark.parametrize("example", [example for command in COMMANDS for example in command.examples])
def test_examples_are_calls_that_are_understood(example: str, capsys: Captured) -> None:
    """Unknown commands and options end a call before `--help` is answered."""
    assert run([*example.replace(" …", "").split(), "--help"]) == 0
    capsys.readouterr()


def test_an_empty_word_does_not_end_completion(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever presses TAB may fill it in later; what it would be refused with is no completion."""
    words = {"_LEVIT_EDGE_COMPLETE": "complete_bash", "COMP_WORDS": "levit-edge verify '' --evalu", "COMP_CWORD": "3"}
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        app(prog_name="levit-edge")
    assert (ended.value.code, capsys.readouterr().out.split()) == (0, ["--evaluation"])

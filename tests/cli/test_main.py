import json
import shutil
import signal
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from PIL import Image

from levit_edge.cli.main import app, run
from levit_edge.errors import ExitStatus

COMMAND = (sys.executable, "-m", "levit_edge.cli.main")
Captured = pytest.CaptureFixture[str]


def test_every_command_has_help(capsys: Captured) -> None:
    commands = [command.callback.__name__ for command in app.registered_commands if command.callback]
    assert {"quantize", "verify", "predict", "inspect"} <= set(commands)
    for arguments in ([], *([name] for name in commands)):
        assert run([*arguments, "--help"]) == ExitStatus.DONE
        captured = capsys.readouterr()
        assert "Usage: " in captured.out
        assert captured.err == ""
        assert run([*arguments, "-h"]) == ExitStatus.DONE
        assert capsys.readouterr().out == captured.out


def test_exit_statuses_are_the_documented_ones() -> None:
    assert list(ExitStatus) == [0, 2, 3, 4, 129, 130, 141, 143]


def test_version(capsys: Captured) -> None:
    assert run(["--version"]) == ExitStatus.DONE
    assert capsys.readouterr().out == f"levit-edge {version('levit-edge')}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Usage: "),
        (["nonsense"], "No such command 'nonsense'"),
        (["--nonsense"], "No such option: --nonsense"),
        (["verify", "x", "--nonsense"], "No such option: --nonsense"),
        (["verify"], "Missing argument 'BUNDLE'"),
        (["verify", "x"], "a bundle is measured on images"),
        (["verify", "x", "--key", "k.pem"], "goes with a package"),
        (["verify", "x.zip", "--evaluation", "y"], "goes with a bundle"),
        (["verify", "x.zip", "--workers", "0"], "goes with a bundle"),
        (["verify", "x", "--evaluation", "y", "--limit", "0"], "--limit"),
        (["verify", "x", "--evaluation", "y", "--max-drop", "little"], "--max-drop"),
        (["verify", "x", "--evaluation", "y", "--runtime", "abacus"], "--runtime"),
        (["predict", "x"], "Missing argument 'IMAGE"),
        (["predict", "x", "y", "--top", "0"], "--top"),
        (["predict", "x", "y", "--precision", "int4"], "--precision"),
        (["quantize"], "give --model (128S, 128, 192, 256, 384, demo), or --checkpoint, or both"),
        (["quantize", "--model", "512"], "'512' is not a LeViT size; expected one of 128S, 128, 192, 256, 384, demo"),
        (["quantize", "--model", "demo", "--range-method", "guess"], "--range-method"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_exit_status_2(capsys: Captured, arguments: list[str], complaint: str) -> None:
    assert run(arguments) == ExitStatus.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert complaint in captured.err


@pytest.mark.parametrize("flags", [[], ["--json"]])
@pytest.mark.parametrize("command", [["verify", "BUNDLE", "--evaluation", "."], ["predict", "BUNDLE", "x.png"]])
def test_bad_input_is_exit_status_3_and_one_message(
    capsys: Captured, tmp_path: Path, command: list[str], flags: list[str]
) -> None:
    missing = tmp_path / "[bold]missing"  # shown as it is, not as markup
    assert run([argument.replace("BUNDLE", str(missing)) for argument in command] + flags) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {missing} is not a folder, expected a bundle made by `levit-edge quantize`.\n"


@pytest.mark.parametrize(
    "command",
    [["verify", "BUNDLE", "--evaluation", "PHOTOGRAPHS"], ["predict", "BUNDLE", "x.png"], ["inspect", "BUNDLE"]],
    ids=lambda command: command[0],
)
def test_a_damaged_bundle_is_bad_input_for_every_command(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path, command: list[str]
) -> None:
    damaged = shutil.copytree(tiny_bundle, tmp_path / "damaged")
    (damaged / "int8.onnx").write_bytes(b"")
    places = {"BUNDLE": str(damaged), "PHOTOGRAPHS": str(labelled_photographs)}
    assert run([places.get(argument, argument) for argument in command]) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert "int8.onnx is damaged" in captured.err
    assert captured.out == ""


def test_the_console_script_is_this_command() -> None:
    (script,) = entry_points(group="console_scripts", name="levit-edge")
    assert script.value == "levit_edge.cli.main:main"


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--version"], 0), (["--nonsense"], 2), (["inspect", "/nowhere/bundle"], 3)]
)
def test_the_process_ends_with_the_status(arguments: list[str], status: int) -> None:
    result = subprocess.run([*COMMAND, *arguments], check=False, capture_output=True, text=True)
    assert result.returncode == status
    assert "Traceback" not in result.stderr
    assert bool(result.stdout) == (status == 0)


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.timeout(120)
def test_ctrl_c_during_verify_is_status_130_without_a_traceback(
    tiny_bundle: Path, tmp_path: Path, workers: str
) -> None:
    Image.new("RGB", (3000, 3000)).save(tmp_path / "large.jpg")
    for name in ("a", "b", "c"):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for index in range(1000):  # minutes of work
            (tmp_path / "photographs" / name / f"{index}.jpg").symlink_to(tmp_path / "large.jpg")
    arguments = ["verify", tiny_bundle, "--evaluation", tmp_path / "photographs", "--workers", workers]
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("verify")
        process.send_signal(signal.SIGINT)
        out, complaints = process.communicate(timeout=60)
    assert process.returncode == ExitStatus.INTERRUPTED
    assert "Traceback" not in complaints
    assert out == ""


def test_a_name_that_is_too_long_is_bad_input() -> None:
    assert run(["inspect", "x" * 300]) == ExitStatus.BAD_INPUT


BASE_INSTALL = """
import sys
for extra in ("torch", "torchao", "executorch", "onnx", "onnxscript", "safetensors", "jinja2", "platformdirs"):
    sys.modules[extra] = None
from levit_edge.cli.main import main
main({arguments!r})
"""


@pytest.mark.parametrize("arguments", [["quantize", "--model", "demo"], ["inspect", "weights.pth"]])
def test_what_a_base_install_lacks_is_said(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"PK")
    code = BASE_INSTALL.format(arguments=arguments)
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert result.returncode == ExitStatus.BAD_INPUT
    assert "pip install 'levit-edge[quantize]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_base_install_inspects_what_it_can_of_a_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    code = BASE_INSTALL.format(arguments=["inspect", str(tiny_bundle), "--json"])
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert result.returncode == ExitStatus.DONE, result.stderr
    facts = json.loads(result.stdout)
    assert all("onnx is not installed" in artifact["not_inspected"] for artifact in facts["artifacts"])

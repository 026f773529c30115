import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from PIL import Image

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import app, run
from levit_edge.device.small_files import process_peak_bytes
from levit_edge.errors import BundleError, ExitStatus
from levit_edge.system import signals
from levit_edge.system.signals import end_in_order

pytestmark = pytest.mark.release

COMMAND = (sys.executable, "-m", "levit_edge.cli.main")
Captured = pytest.CaptureFixture[str]
AT_WORK_BYTES = 100 * 2**20
"""More than a process has before it decodes a large photograph."""


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


def test_an_interruption_is_not_taken_for_a_damaged_file(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, tiny_bundle: Path
) -> None:
    """As by safetensors, whose native code made of it that a file has no shape."""

    def interrupted(*_: object) -> Bundle:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        raise BundleError("a damaged file")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(signals, "_arrived", [])
    monkeypatch.setattr(Bundle, "open", interrupted)
    end_in_order()
    try:
        assert run(["inspect", str(tiny_bundle)]) == ExitStatus.INTERRUPTED
    finally:
        for number in signals.ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "error: interrupted; no output was left unfinished.\n"


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
        (["verify", "x", "--evaluation", "y", "--limit", "0"], "'--limit': '0' is not greater than or equal to 1."),
        (["verify", "x", "--evaluation", "y", "--limit", "7" * 99 + "x"], "…"),
        (["verify", "x", "--evaluation", "y", "--max-drop", "little"], "'--max-drop': 'little' is not a valid number."),
        (["verify", "x", "--evaluation", "y", "--max-drop", "nan"], "--max-drop: nan is not a number of percentage"),
        (["quantize", "--model", "demo", "--max-drop", "inf"], "--max-drop: inf is not a number of percentage"),
        (["verify", "", "--evaluation", "y"], "a word of the command line is empty: is a variable of the shell not"),
        (["verify", "x", "--evaluation", ""], "the value of --evaluation is empty"),
        (["quantize", "--model", "demo", "--output="], "the value of --output is empty"),
        (["package", "x", "--for", "board", "--output", "x.tar"], "--output: x.tar does not end in .zip."),
        (["verify", "x", "--gate-on", "intervall"], "'--gate-on': 'intervall' is not one of 'drop', 'interval'."),
        (["verify", "x", "--evaluation", "y", "--runtime", "abacus"], "--runtime"),
        (["predict", "x"], "give photographs, or --video, or --camera."),
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
    assert (
        captured.err
        == f"error: {missing} does not exist; expected a bundle made by `levit-edge quantize`, which is a folder.\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ["verify", "BUNDLE", "--evaluation", "PHOTOGRAPHS"],
        ["predict", "BUNDLE", "PHOTO"],
        ["inspect", "BUNDLE"],
    ],
    ids=lambda command: command[0],
)
def test_a_damaged_bundle_is_bad_input_for_every_command(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path, command: list[str]
) -> None:
    damaged = shutil.copytree(tiny_bundle, tmp_path / "damaged")
    (damaged / "int8.onnx").write_bytes(b"")
    places = {"BUNDLE": str(damaged), "PHOTOGRAPHS": str(labelled_photographs)}
    places["PHOTO"] = str(next(labelled_photographs.glob("red/*")))
    assert run([places.get(argument, argument) for argument in command]) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert "int8.onnx is damaged" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("word", ["ios", "iOS"])
def test_what_there_is_for_ios_is_said(word: str, capsys: Captured) -> None:
    assert run(["package", "bundle", "--for", word]) == ExitStatus.USAGE
    told = capsys.readouterr().err
    assert f"'{word}' is not one of 'android', 'board', 'web'. levit-edge has nothing of its own for iOS." in told
    assert "ExecuTorch's runtime for iOS" in told


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


@pytest.fixture
def much_work(tmp_path: Path) -> Path:
    """Photographs for minutes."""
    Image.new("RGB", (3000, 3000)).save(tmp_path / "large.jpg")
    for name in ("red", "green", "blå"):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for index in range(1000):
            (tmp_path / "photographs" / name / f"{index}.jpg").symlink_to(tmp_path / "large.jpg")
    return tmp_path / "photographs"


@contextmanager
def verifying(bundle: Path, photographs: Path, workers: str, *before: str) -> Iterator[subprocess.Popen[str]]:
    """The command `verify` at work, in a process group of its own."""
    arguments = ["verify", bundle, "--evaluation", photographs, "--workers", workers]
    with subprocess.Popen(
        [*before, *COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            until(lambda: bool(children(process.pid)))  # with any number of workers files run in another process
            yield process
        finally:
            process.kill()


def children(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def errors(complaints: str) -> str:
    """What is written to stderr, without the lines about progress that come every ten seconds."""
    return re.sub(r"^verify .*\n", "", complaints, flags=re.MULTILINE)


def evaluating(process: int) -> list[int]:
    """Those that evaluate: the copies that the command's child has made of itself."""
    return [copy for child in children(process) for copy in children(child)]


@pytest.mark.parametrize(
    ("number", "group", "workers", "status"),
    [
        (signal.SIGINT, True, "2", ExitStatus.INTERRUPTED),
        (signal.SIGINT, False, "2", ExitStatus.INTERRUPTED),
        (signal.SIGINT, False, "0", ExitStatus.INTERRUPTED),
        (signal.SIGTERM, False, "2", ExitStatus.TERMINATED),
        (signal.SIGHUP, True, "2", ExitStatus.HUNG_UP),
    ],
)
@pytest.mark.timeout(120)
def test_a_signal_ends_verify_with_one_message_and_all_its_processes(
    tiny_bundle: Path, much_work: Path, number: signal.Signals, group: bool, workers: str, status: ExitStatus
) -> None:
    with verifying(tiny_bundle, much_work, workers) as process:
        (os.killpg if group else os.kill)(process.pid, number)
        out, complaints = process.communicate(timeout=60)  # ends when all that hold the pipes have: workers too
    assert process.returncode == status
    assert errors(complaints) == "error: interrupted; no output was left unfinished.\n"
    assert out == ""


@pytest.mark.timeout(120)
def test_a_process_that_runs_out_of_memory_is_one_message(tiny_bundle: Path, much_work: Path) -> None:
    with verifying(tiny_bundle, much_work, "2") as process:
        until(lambda: any((process_peak_bytes(each) or 0) > AT_WORK_BYTES for each in evaluating(process.pid)))
        for each in evaluating(process.pid):
            resource.prlimit(each, resource.RLIMIT_DATA, (2**20, 2**20))
        out, complaints = process.communicate(timeout=60)
    assert process.returncode == ExitStatus.BAD_INPUT
    assert errors(complaints).startswith("error: ")
    assert errors(complaints).count("\n") == 1
    assert "(out of memory)" in complaints or "not enough memory" in complaints
    assert out == ""


@pytest.mark.timeout(120)
def test_a_process_that_is_killed_is_one_message(tiny_bundle: Path, much_work: Path) -> None:
    with verifying(tiny_bundle, much_work, "2") as process:
        until(lambda: len(evaluating(process.pid)) == 2)
        os.kill(evaluating(process.pid)[1], signal.SIGKILL)
        out, complaints = process.communicate(timeout=60)
    assert process.returncode == ExitStatus.BAD_INPUT
    assert errors(complaints).startswith("error: ")
    assert errors(complaints).count("\n") == 1
    assert "(killed by SIGKILL, often for want of memory)" in complaints
    assert out == ""


def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.01)


@pytest.mark.timeout(120)
def test_under_nohup_a_closed_terminal_ends_nothing(tiny_bundle: Path, much_work: Path) -> None:
    with verifying(tiny_bundle, much_work, "0", "nohup") as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None


@pytest.mark.parametrize("streams", [["stdout"], ["stdout", "stderr"]])
@pytest.mark.parametrize("arguments", [["--help"], ["doctor"], ["inspect", "BUNDLE", "--json"], ["nonsense"]])
def test_nobody_reading_the_output_is_no_traceback(tiny_bundle: Path, streams: list[str], arguments: list[str]) -> None:
    """As with `| head`: the reader has gone when the first line comes."""
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [*COMMAND, *(each.replace("BUNDLE", str(tiny_bundle)) for each in arguments)],
        check=False,
        stdout=writer,
        stderr=writer if "stderr" in streams else subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    if arguments == ["nonsense"]:  # it has nothing to say on stdout
        assert result.returncode == ExitStatus.USAGE
    else:
        assert result.returncode == ExitStatus.OUTPUT_CLOSED
        assert not result.stderr


def test_too_little_memory_here_is_one_message(
    tiny_bundle: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to")

    monkeypatch.setattr(Bundle, "open", starved)
    assert run(["inspect", str(tiny_bundle)]) == ExitStatus.BAD_INPUT
    assert capsys.readouterr().err.startswith("error: not enough memory")


def test_a_name_that_is_too_long_is_bad_input() -> None:
    assert run(["inspect", "x" * 300]) == ExitStatus.BAD_INPUT


BASE_INSTALL = """
import sys
from pathlib import Path
for extra in ("torch", "torchao", "executorch", "onnx", "onnxscript", "safetensors", "jinja2"):
    Path(extra + ".py").write_text("raise ModuleNotFoundError(name=__name__)")
sys.path.insert(0, str(Path.cwd()))  # where the processes that this one starts look too
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

"""The instruction counter's parts that need no emulator, with a stand-in for it that is a script."""

import stat
from pathlib import Path

import pytest

from benchmarks.arm_instructions.__main__ import main
from benchmarks.arm_instructions.count import QEMU, Emulator, main_thread_instructions, millions_per_inference
from levit_edge.errors import ExitStatus, RuntimeUnavailableError

START_UP, INFERENCE = 2_600_000_000, 46_440_000


def emulator(folder: Path, report: str = "threads=2 std=1.5", status: int = 0) -> Emulator:
    """A program in qemu's place: it writes the log that qemu would, for as many runs as it is asked for."""
    for name in ("root/usr", "site", f"{QEMU}/build/tests/tcg/plugins"):
        (folder / name).mkdir(parents=True)
    made = Emulator(folder=folder)
    made.plugin.touch()
    made.program.write_text(
        "#!/bin/bash\n"
        'while [ "$1" != -D ]; do shift; done; log=$2; runs=${@: -1}\n'
        f'echo "cpu 0 insns: $(({START_UP} + runs * {INFERENCE}))" > "$log"\n'
        'echo "total insns: 999" >> "$log"\n'
        f'echo "{report}"; echo "last words" >&2; exit {status}\n'
    )
    made.program.chmod(made.program.stat().st_mode | stat.S_IXUSR)
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "int8.pte"
    path.write_bytes(b"model")
    return path


def test_start_up_is_not_counted(tmp_path: Path, model: Path) -> None:
    assert millions_per_inference(emulator(tmp_path / "e"), model, "cortex-a76") == INFERENCE / 1e6


@pytest.mark.parametrize(
    ("report", "status", "message"),
    [
        ("threads=5 std=1.5", 0, "5 threads"),
        ("threads=2 std=0.000000", 0, "all the same"),
        ("threads=2 std=nan", 0, "all the same"),
        ("", 0, "does not run on an emulated cortex-a76: last words"),
        ("threads=2 std=1.5", 1, "does not run"),
    ],
)
def test_a_count_that_would_mean_nothing_is_refused(
    tmp_path: Path, model: Path, report: str, status: int, message: str
) -> None:
    with pytest.raises(RuntimeUnavailableError, match=message):
        millions_per_inference(emulator(tmp_path / "e", report, status), model, "cortex-a76")


def test_only_the_main_thread_counts() -> None:
    assert main_thread_instructions("cpu 0 insns: 12\ncpu 3 insns: 900\ntotal insns: 912\n") == 12
    with pytest.raises(RuntimeUnavailableError, match="cpu 0 insns"):
        main_thread_instructions("total insns: 912\n")


def test_the_command_prints_a_table_and_writes_json(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = emulator(tmp_path / "e")
    output = tmp_path / "counts.json"
    arguments = ["--emulator", str(made.folder), "--cpu", "cortex-a53", "--output", str(output), str(model)]
    assert main(arguments) == ExitStatus.DONE
    assert "46.4" in capsys.readouterr().out
    assert f'"{model}": {{\n   "cortex-a53": 46.44\n  }}' in output.read_text()


def test_a_missing_emulator_is_one_message(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--emulator", str(tmp_path / "none"), str(model)]) == ExitStatus.BAD_INPUT
    assert "setup.sh" in capsys.readouterr().err


def test_other_files_are_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--emulator", str(tmp_path), str(tmp_path / "model.bin")])
    assert stopped.value.code == ExitStatus.USAGE

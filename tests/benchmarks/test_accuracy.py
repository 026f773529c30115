"""The comparison as a command: wrong usage, bad input, and rows that come one after the other."""

import json
from argparse import Namespace
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import accuracy, rows
from benchmarks.accuracy import chosen, main
from benchmarks.evaluation import Figures
from benchmarks.isolation import Attempt
from benchmarks.quantizers import PEERS
from benchmarks.results import Comparison, Row
from benchmarks.speed.contender import Engine
from benchmarks.task import Built, Peer, Task
from levit_edge.documents import from_json, read_json, to_json
from levit_edge.errors import DataError, ExitStatus

FIGURES = Figures(
    fp32_top1=75.0,
    top1=70.0,
    drop_pt=5.0,
    drop_ci95_pt=(-1.0, 11.0),
    flips_lost=1,
    flips_gained=0,
    agreement=95.0,
    sqnr_db=20.5,
)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "128S"],
        ["--checkpoint", "x.pth", "--calibration", "images"],
        ["--model", "demo", "--limit", "0"],
        ["--model", "demo", "--only", "nobody"],
        ["--model", "demo", "--output", "no/such/folder/figures.json"],
    ],
)
def test_wrong_usage_is_refused_before_any_work(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == ExitStatus.USAGE


def test_an_unreadable_checkpoint_is_one_message(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = str(tmp_path)
    status = main(["--checkpoint", f"{folder}/none.pth", "--calibration", folder, "--evaluation", folder])
    assert status == ExitStatus.BAD_INPUT
    assert "does not exist; expected the path of a checkpoint" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("glob", "names"),
    [
        ("torchao", ["torchao"]),
        ("nncf", ["nncf", "nncf true min-max"]),
        ("litert/*per tensor", ["litert static, per tensor", "litert dynamic, per tensor"]),
        ("ort min-max, u8s8", ["ort min-max, u8s8"]),
    ],
)
def test_rows_are_chosen_by_their_first_word_name_or_runtime(glob: str, names: list[str]) -> None:
    assert [each.name for each in chosen(PEERS, [glob])] == names


def test_only_ours_is_all_of_ours() -> None:
    assert {each.name for each in chosen(PEERS, ["ours"])} == {
        each.name for each in PEERS if "levit_edge" in each.requires
    }


def built(name: str, task: Task) -> Built:
    return Built(model=b"model", calibration_images=task.calibration.count, note=f"by {name}")


class Bench:
    """The command on the demo, with quantizers that are not run."""

    def __init__(self, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.output = output
        self.peers = [
            Peer(name=f"{name} int8", runtime=Engine.ONNXRUNTIME, requires=("numpy",), build=partial(built, name))
            for name in ("ours", "theirs", "others")
        ]
        self.took: list[str] = []
        self.fails: set[str] = set()
        monkeypatch.setattr(accuracy, "PEERS", self.peers)
        monkeypatch.setattr(rows, "attempt", self.attempt)
        monkeypatch.setattr(rows, "_figures", lambda tried, _task, _images: FIGURES if tried.built else None)

    def attempt(self, peer: Peer, task: Task) -> Attempt:
        self.took.append(peer.name)
        if peer.name in self.fails:
            return Attempt(peer=peer, reason="failed: for a reason")
        return Attempt(peer=peer, built=peer.build(task), seconds=float(len(self.took)))

    def run(self, *options: str) -> list[str]:
        """Which rows were taken."""
        self.took.clear()
        arguments = ["--model", "demo", "--calibration-images", "10", "--limit", "20", "--output", str(self.output)]
        assert main([*arguments, *options]) == ExitStatus.DONE
        return list(self.took)

    @property
    def written(self) -> Comparison:
        return from_json(Comparison, read_json(self.output, DataError, "it"), DataError, "it")

    @property
    def rows(self) -> dict[str, Row]:
        return {each.name: each for each in self.written.rows}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path / "figures.json", monkeypatch)


def test_all_rows_are_taken_written_and_shown(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.fails = {"others int8"}
    assert bench.run() == ["ours int8", "theirs int8", "others int8"]
    found = bench.written
    assert json.loads(bench.output.read_text()) == to_json(found)
    assert (found.calibration.count, found.evaluation.count) == (10, 20)
    assert found.command.startswith("python -m benchmarks.accuracy --model demo ")
    ours, failed = found.rows[0], found.rows[2]
    assert {name: getattr(ours, name) for name in vars(FIGURES)} == vars(FIGURES)
    assert (ours.size_bytes, ours.seconds, ours.calibration_images, ours.note) == (5, 1.0, 10, "by ours")
    assert ours.taken.command == found.command
    assert set(ours.taken.versions) == {"numpy"}
    assert (failed.measured, failed.note) == (False, "failed: for a reason")
    printed = capsys.readouterr().out
    assert "say nothing about ImageNet" in printed
    assert "others int8 (onnxruntime): failed: for a reason" in printed


def test_a_second_run_takes_only_what_has_no_figures(bench: Bench) -> None:
    bench.fails = {"theirs int8"}
    bench.run()
    before = bench.rows["ours int8"]
    bench.fails = set()
    assert bench.run() == ["theirs int8"]
    assert bench.rows["theirs int8"].measured
    assert bench.rows["ours int8"] == before
    assert bench.run() == []


def test_ours_alone_are_taken_anew_and_the_others_stay(bench: Bench) -> None:
    bench.run()
    before = bench.rows
    assert bench.run("--only", "ours") == ["ours int8"]
    assert list(bench.rows) == list(before), "in the same order"
    assert bench.rows["ours int8"].taken.command.endswith("--only ours")
    assert bench.rows["theirs int8"] == before["theirs int8"]


def test_what_is_finished_stays_when_the_command_is_interrupted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(peer: Peer, task: Task) -> Attempt:
        if peer.name.startswith("theirs"):
            raise KeyboardInterrupt
        return bench.attempt(peer, task)

    monkeypatch.setattr(rows, "attempt", interrupted)
    assert main(["--model", "demo", "--limit", "20", "--output", str(bench.output)]) == ExitStatus.INTERRUPTED
    assert list(bench.rows) == ["ours int8"]
    assert f"{bench.output.name} has the rows" in capfd.readouterr().err.replace("\n", "")


@pytest.mark.parametrize(
    ("options", "what"), [(["--limit", "19"], "evaluation"), (["--calibration-images", "9"], "calibration")]
)
def test_figures_of_other_images_are_not_mixed(
    options: Iterable[str], what: str, bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.run()
    before = bench.output.read_bytes()
    arguments = ["--model", "demo", "--calibration-images", "10", "--limit", "20", "--output", str(bench.output)]
    assert main([*arguments, *options]) == ExitStatus.BAD_INPUT
    assert f"has figures with other {what} images" in " ".join(capfd.readouterr().err.split())
    assert bench.output.read_bytes() == before


def test_images_without_classes_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    assert main(["--model", "demo", "--evaluation", str(tmp_path)]) == ExitStatus.BAD_INPUT
    assert "no class folders" in capfd.readouterr().err


def test_the_task_is_that_of_quantize(tmp_path: Path) -> None:
    """The images that `levit-edge quantize` chooses, which levit-edge's own rows check."""
    images = {"calibration": None, "evaluation": None, "calibration_images": 999, "limit": None}
    options = Namespace(checkpoint=None, model="demo", resize=None, **images)
    task, evaluated, begun = accuracy.prepared(options, "command", tmp_path)
    assert (task.calibration.count, len(evaluated)) == (150, 120)
    assert len(task.calibration.files) == 150
    assert begun.calibration.sha256 == task.calibration.sha256

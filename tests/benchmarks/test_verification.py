"""The parts of the comparison of verification with its runtimes: what is counted, never how fast it was."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from benchmarks.verification import Metrics, Round, Throughput, bare, command, compare, show
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import from_json, read_json
from levit_edge.errors import DataError, ExitStatus
from levit_edge.runtime.evaluation.evaluator import Model
from levit_edge.runtime.evaluation.verify import evaluation_set
from tests.conftest import COLOURS, colour_classifier

pytestmark = pytest.mark.timeout(120)
APP = Typer()
APP.command()(command)


def metrics_of(*rounds: tuple[float, float]) -> Metrics:
    measured = tuple(
        Round(
            bare=Throughput(images_per_second=alone, cpu_ms_per_image=10.0),
            verification=Throughput(images_per_second=verified, cpu_ms_per_image=11.0),
            running_images_per_second=verified + 1,
        )
        for alone, verified in rounds
    )
    return Metrics(
        caveat="a test",
        command="it",
        created_utc="2026-01-01T00:00:00+00:00",
        host={"processor": "a desk calculator", "architecture": "none", "cores": "2"},
        versions={},
        files=("fp32.onnx",),
        images=7,
        processes=2,
        rounds=measured,
        median_ratio=0.9,
    )


def test_the_ratio_is_verification_over_bare() -> None:
    assert [each.ratio for each in metrics_of((100.0, 80.0), (50.0, 55.0)).rounds] == [0.8, 1.1]


def test_the_table_holds_every_round(capsys: pytest.CaptureFixture[str]) -> None:
    show(metrics_of((100.0, 80.0), (50.0, 55.0)), Console(width=120))
    printed = capsys.readouterr().out
    assert "7 images through fp32.onnx; 2 processes" in printed
    assert "0.80" in printed
    assert "1.10" in printed
    assert "median ratio 0.90" in printed


def test_both_ways_are_measured_in_every_round(tiny_bundle: Path, labelled_photographs: Path) -> None:
    images = evaluation_set(labelled_photographs, COLOURS)
    figures = compare(Bundle.open(tiny_bundle), images, processes=2, rounds=2, command="it")
    assert (figures.images, figures.processes, figures.files) == (32, 2, ("fp32.onnx", "int8.onnx"))
    assert len(figures.rounds) == 2
    assert figures.median_ratio == pytest.approx(sum(each.ratio for each in figures.rounds) / 2)
    for each in figures.rounds:
        assert min(each.bare.images_per_second, each.verification.images_per_second) > 0
        assert each.running_images_per_second > 0
        assert each.verification.cpu_ms_per_image > 0


def test_a_bare_process_that_dies_is_an_error(photographs: list[Path], small: Preprocessing) -> None:
    models = [
        Model(file="x.onnx", runtime=Runtime.ONNXRUNTIME, read=partial(bytes, data), classes=3)
        for data in (colour_classifier(np.eye(3)), b"no model")
    ]
    with pytest.raises(DataError, match="a process of the bare runtimes died"):
        bare(models, photographs, small, 2)


def test_the_command_writes_figures_that_can_be_read(
    tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "figures.json"
    arguments = [str(tiny_bundle), "--evaluation", str(labelled_photographs), "--rounds", "1", "--output", str(output)]
    result = CliRunner().invoke(APP, [*arguments, "--limit", "6"])
    assert result.exit_code == ExitStatus.DONE, result.output
    figures = from_json(Metrics, read_json(output, DataError, "the figures"), DataError, "the figures")
    assert figures.images == 6
    with pytest.raises(DataError, match="schema version 2"):
        replace(figures, schema_version=2)


def test_a_bundle_that_is_none_is_one_message(labelled_photographs: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(APP, [str(tmp_path), "--evaluation", str(labelled_photographs)])
    assert result.exit_code == ExitStatus.BAD_INPUT

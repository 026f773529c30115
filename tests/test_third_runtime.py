"""A runtime more needs an entry, and no other room falls over it."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.benchmark.diagnosis import findings
from levit_edge.benchmark.measurement import SpeedUp
from levit_edge.board.packages import requirements, runtimes_there
from levit_edge.bundle.kinds import RUNTIMES, OldestRuntime, Precision, Runtime, RuntimeEntry
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.cli.show.bench import bench_table
from levit_edge.cli.show.sweep import sweep_table
from levit_edge.cli.show.tables import verification_table
from levit_edge.doctor.packages import check_runtimes
from levit_edge.package.contents import Purpose, runtimes_of
from levit_edge.report.boards_page import boards_page
from levit_edge.report.bundle_page import bundle_page
from levit_edge.runtime.inspect.worker import inspected
from levit_edge.sweep.outcome.page import sweep_page
from tests.board.example import MEASUREMENT, times
from tests.board.test_packages import hello
from tests.report.example import report_bundle
from tests.report.test_bundle_page import text
from tests.sweep.example import candidate, plan, swept

ENTRY = RuntimeEntry(
    label="Third Runtime",
    suffix=".third",
    file_kind="third model",
    packages={"third-runtime": (3, 10), "third": (3, 9)},
    install="pip install third",
    maker="onnx",
    runner="onnxruntime_runner.OnnxRuntimeRunner",
    inspector="onnxruntime.facts",
    exporter="onnx.EXPORTER",
    oldest=lambda maker, _model: OldestRuntime(version=maker, basis="promised"),
)


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """One whose files are ONNX by another name, so that they can be run."""
    member = str.__new__(Runtime, "third")
    member._name_, member._value_ = "THIRD", "third"
    monkeypatch.setattr(Runtime, "_member_names_", [*Runtime._member_names_, "THIRD"])
    monkeypatch.setitem(Runtime._member_map_, "THIRD", member)
    monkeypatch.setitem(Runtime._value2member_map_, "third", member)
    monkeypatch.setitem(RUNTIMES, member, ENTRY)
    assert list(Runtime)[2] is Runtime("third")
    return member


@pytest.fixture
def bundle(third: Runtime, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path) -> Bundle:
    """The tiny bundle with files for the third runtime, evaluated and with evidence."""
    source = Bundle.open(tiny_bundle)
    artifacts: list[Artifact] = list(source.manifest.artifacts)
    with new_bundle(tmp_path / "source") as writer:
        for name in source.manifest.files:
            writer.add(name, source.read(name))
        for each in source.manifest.artifacts:
            file = f"{each.precision}{ENTRY.suffix}"
            writer.add(file, source.read(each.file))
            artifacts.append(replace(each, file=file, runtime=third))
        manifest = replace(source.manifest, artifacts=tuple(artifacts), files=dict(writer.files))
        path = writer.commit(manifest).path
    return report_bundle(tmp_path / "bundle", path, labelled_photographs)


def shown(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.fixture
def console() -> Console:
    return Console(file=StringIO(), width=80)


def test_a_bundle_with_it_is_read_evaluated_and_reported(bundle: Bundle, third: Runtime, console: Console) -> None:
    opened = Bundle.open(bundle.path)
    assert opened.artifact(third, Precision.INT8).file == "int8.third"
    assert [each.runtime for each in opened.manifest.verification.results][-1] is third
    verification_table(opened.manifest.verification, console)
    assert "int8.third" in shown(console)
    seen = text(bundle_page(opened, others=[opened], measurements=[MEASUREMENT]))
    assert "int8.third" in seen


def test_its_files_are_inspected(bundle: Bundle) -> None:
    facts = inspected("int8.third", bundle.read("int8.third"))
    assert (facts["kind"], facts["file"]) == ("third model", "int8.third")
    assert facts["self_contained"]


def test_a_file_of_no_runtime_is_not_taken_for_one(tiny_bundle: Path) -> None:
    data = Bundle.open(tiny_bundle).read("int8.onnx")
    assert inspected("int8.third", data) == {
        "error": "BundleError",
        "message": "it is no model file: expected one that ends in .pte or .onnx.",
    }


def test_times_with_it_are_shown_compared_and_diagnosed(third: Runtime, console: Console) -> None:
    results = tuple(
        replace(times(third, precision, 9.0), artifact=f"{precision}.third", package="third 1.0")
        for precision in Precision
    )
    speedup = SpeedUp(runtime=third, threads=1, median=1.0, p25=0.9, p75=1.1)
    measured = replace(
        MEASUREMENT,
        results=(*MEASUREMENT.results, *results),
        speedups=(*MEASUREMENT.speedups, speedup),
    )
    measured = replace(measured, findings=findings(measured))
    assert measured.findings[0].startswith("third: INT8 is less than")
    bench_table(measured, console)
    assert "int8.third" in shown(console)
    rows = comparison_rows([measured])
    assert third in {row.runtime for row in rows}
    assert "third" in text(boards_page([measured], rows))


@pytest.mark.parametrize("timed", [True, False])
def test_a_sweep_with_it_has_its_plots_and_tables(third: Runtime, console: Console, timed: bool) -> None:
    figures = {"drops": (0.2, 0.3, 0.4), "sizes": (3, 2, 1), "times_ms": (8.0, 9.0, 10.0) if timed else None}
    candidates = [candidate(name, "static", **figures) for name in ("a", "b")]  # type: ignore[arg-type]
    results = swept(candidates, plan(["static"], timed=timed))
    sweep_table(results, console)
    html = sweep_page(results)
    assert html.count("Third Runtime") == 3  # in the legend of each checkpoint's front, and of the winners
    assert "int8.third" in text(html)
    assert third in results.candidates[0].front


def test_machines_and_boards_are_asked_for_it(third: Runtime) -> None:
    assert [check.name for check in check_runtimes()] == ["ExecuTorch", "ONNX Runtime", "Third Runtime"]
    assert check_runtimes()[2].advice == "pip install third"
    assert third in runtimes_there(hello("third"))
    for python, package in (((3, 8), "third"), ((3, 9), "third"), ((3, 10), "third-runtime")):
        assert requirements(hello(python=python), [third]) == ("numpy", package)


def test_packages_stay_what_they_are(third: Runtime) -> None:
    assert all(third not in runtimes_of(purpose) for purpose in Purpose)

"""Who is counted, and rows of those that cannot be."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.arm import __main__ as command
from benchmarks.arm.measuring import EVALUATION, EXPECTED, HERE, REFERENCE, Measuring
from benchmarks.arm.results import Accuracy, ArmComparison, Counted, Made, Row, Timed, show
from benchmarks.arm.store import Store
from benchmarks.document import circumstances
from benchmarks.speed.contender import Contender, Engine, Workshop, build_with
from levit_edge.bundle.kinds import Precision
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError
from tests.benchmarks.speed import fakes
from tests.board.listeners import Heard

ENGINES = {Engine.EXECUTORCH, Engine.ONNXRUNTIME, Engine.LITERT, Engine.NCNN, Engine.MNN, Engine.OPENVINO}


def contender(function: str, **choices: int) -> Contender:
    return Contender(
        name=function,
        engine=Engine.ONNXRUNTIME,
        precision=Precision.FP32,
        requires=("numpy",),
        build=build_with(f"{fakes.__name__}.{function}", **choices),
        process="one",
    )


@pytest.fixture
def measuring(tmp_path: Path) -> Measuring:
    (tmp_path / "found").mkdir()
    np.save(tmp_path / EVALUATION, np.zeros((2, 3, 32, 32), np.float32))
    np.save(tmp_path / EXPECTED, np.ones((2, 3), np.float32))
    return Measuring(
        workshop=Workshop(folder=tmp_path, checkpoint=Path("none.pth"), size=None),
        store=Store(folder=tmp_path),
        boards=tmp_path,
        runs=3,
        float16_images=1,
        timeout_s=60,
        listener=Heard(),
    )


def test_everybody_is_counted() -> None:
    chosen = command.contenders()
    assert {each.engine for each in chosen} == ENGINES
    ours = {each.key for each in chosen if each.process == "ours"}
    assert ours == {
        "executorch/ours fp32",
        "executorch/ours int8 mixed",
        "executorch/ours int8-f16",
        "onnxruntime/ours fp32",
        "onnxruntime/ours int8 mixed",
        "onnxruntime/ours int8 mixed arm64",
    }
    assert "transformers" not in {each.process for each in chosen}


def test_files_are_made_once_and_failures_have_a_reason(measuring: Measuring) -> None:
    chosen = [contender("write", size=10), contender("fail")]
    made = measuring.made(chosen)
    assert made["onnxruntime/fail"].reason.startswith("failed: ValueError: no such operator")
    file = measuring.workshop.folder / made["onnxruntime/write"].file
    file.unlink()
    assert measuring.made(chosen) == made
    assert not file.exists()


def test_a_file_that_no_engine_opens_is_a_reason(measuring: Measuring) -> None:
    (made,) = measuring.made([contender("write", size=10)]).values()
    found = measuring.accuracy(contender("write", size=10), made)
    assert (found.images, found.where, found.sqnr_db) == (0, HERE, None)
    assert found.reason.startswith("failed: ")


def test_nothing_is_timed_without_the_file_beside_which_it_is(measuring: Measuring) -> None:
    (made,) = measuring.made([contender("write", size=10)]).values()
    assert measuring.timed(contender("write", size=10), made) is None
    measuring.store.keep(f"{REFERENCE[1]}.file", made)
    timed = measuring.timed(contender("write", size=10), made)
    assert timed is not None
    assert timed.ratio is None
    assert timed.reason.startswith("failed: ")


def test_emulated_images_come_last_and_processors_one_by_one(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    plain = contender("write", size=10)
    half = replace(plain, name="half", float16=True)

    def accuracy(_self: Measuring, asking: Contender, _made: Made) -> Accuracy:
        asked.append((asking.name, "accuracy"))
        return Accuracy(images=1, where=HERE)

    def counted(_self: Measuring, asking: Contender, _made: Made, cpu: str) -> Counted:
        asked.append((asking.name, cpu))
        return Counted(main=1.0)

    monkeypatch.setattr(Measuring, "accuracy", accuracy)
    monkeypatch.setattr(Measuring, "counted", counted)
    monkeypatch.setattr(Measuring, "timed", lambda *_: None)
    rows = command._rows([half, plain, contender("fail")], measuring, ("a", "b"))
    assert asked == [
        ("write", "accuracy"),
        *[(name, cpu) for cpu in ("a", "b") for name in ("half", "write")],
        ("half", "accuracy"),
    ]
    assert [(row.name, len(row.counts), row.accuracy is not None) for row in rows] == [
        ("half", 2, True),
        ("write", 2, True),
        ("fail", 0, False),
    ]


def test_the_table_has_every_row_and_says_what_fails() -> None:
    good = Row(
        name="timm fp32",
        runtime=Engine.NCNN,
        precision=Precision.FP32,
        float16=False,
        made=Made(file="x", size_bytes=29_770_046, note="pnnx"),
        accuracy=Accuracy(images=60, where=HERE, sqnr_db=126.7, agreement=100.0),
        timed=Timed(ms=9.7, ratio=2.53),
        counts={"cortex-a76": Counted(main=112.0, elsewhere=9.0), "cortex-a53": Counted(reason="status 1")},
    )
    bad = replace(good, name="timm int8", made=Made(reason="failed: no such operator"), accuracy=None, counts={})
    document = ArmComparison(
        caveat="c",
        command="m",
        **circumstances(("numpy",)),
        model="LeViT-demo",
        classes=10,
        checkpoint_sha256="0",
        calibration_images=8,
        runs=3,
        board_packages={"aarch64 ncnn": "1"},
        rows=(bad, good),
    )
    assert from_json(ArmComparison, to_json(document), DataError, "document") == document
    console = Console(width=130, record=True, file=io.StringIO())
    show(document, console)
    shown = console.export_text()
    assert shown.index("timm fp32") < shown.index("timm int8")
    for expected in (
        "112.0",
        "126.7",
        "2.53",
        "29.8",
        "no such operator",
        "cortex-a53: status 1",
        "9.0 million in other threads",
    ):
        assert expected in shown


def test_no_contender_that_fits_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--model", "demo", "--work", str(tmp_path / "work"), "--only", "nobody/*"])
    assert ended.value.code == 2
    assert "ncnn/timm fp32" in capsys.readouterr().err

"""Who is counted, and rows of those that cannot be."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.arm import __main__ as command
from benchmarks.arm.measuring import HERE, REFERENCE, Measuring
from benchmarks.arm.results import Counted, Made, Timed
from benchmarks.speed.contender import Engine, build_with
from tests.benchmarks.arm.conftest import contender
from tests.benchmarks.speed import fakes

ENGINES = {Engine.EXECUTORCH, Engine.ONNXRUNTIME, Engine.LITERT, Engine.NCNN, Engine.MNN, Engine.OPENVINO}


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


def test_what_could_not_be_made_is_tried_again(measuring: Measuring) -> None:
    chosen = contender("write", size=10)
    measuring.store.keep(f"{chosen.key}.file", Made(reason="not installed: numpy"))
    assert measuring.made([chosen])[chosen.key].file


def test_files_of_another_code_are_made_again_and_counts_hold_for_the_same_bytes(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, peer = (replace(contender("write", size=10), name=name) for name in ("ours int8 mixed", "timm fp32"))
    ours = replace(ours, engine=Engine.EXECUTORCH)
    assert ours.key == REFERENCE[1]
    timed = [f"{each.key}.time" for each in (ours, peer)]

    def found() -> list[bool]:
        return [measuring.store.known(key, Timed) is not None for key in timed]

    first = measuring.made([ours, peer])
    for key in timed:
        measuring.store.keep(key, Timed(ratio=1.0))
    monkeypatch.setattr("benchmarks.arm.measuring.source_digest", lambda: "newer")
    same = measuring.made([ours, peer])
    assert same == first | {ours.key: replace(first[ours.key], source="newer")}
    assert found() == [True, True]
    monkeypatch.setattr("benchmarks.arm.measuring.source_digest", lambda: "newest")
    measuring.made([replace(ours, build=build_with(f"{fakes.__name__}.write", size=11)), peer])
    assert found() == [False, False]
    assert measuring.made([peer]) == {peer.key: first[peer.key]}


def test_a_failure_leaves_what_was_found_of_the_same_bytes(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = replace(contender("write", size=10), name="ours fp32")
    failing, count = replace(contender("fail"), name="ours fp32"), f"{ours.key}.cortex-a76"
    first = measuring.made([ours])
    measuring.store.keep(count, Counted(main=1.0))
    for code in ("newer", "newest"):
        monkeypatch.setattr("benchmarks.arm.measuring.source_digest", lambda code=code: code)
        assert measuring.made([failing])[ours.key].reason
    assert measuring.made([ours]) == {ours.key: replace(first[ours.key], source="newest")}
    assert measuring.store.known(count, Counted) == Counted(main=1.0)


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


def test_no_contender_that_fits_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--model", "demo", "--work", str(tmp_path / "work"), "--only", "nobody/*"])
    assert ended.value.code == 2
    assert "ncnn/timm fp32" in capsys.readouterr().err

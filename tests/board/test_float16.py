"""Measuring a bundle with int8-f16.pte on boards that have float16, and on others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.benchmark.measurement import LatencyGate
from levit_edge.board import evaluate
from levit_edge.board.evaluate import verify_on
from levit_edge.board.facts.device import float16_there
from levit_edge.board.float16 import without_float16
from levit_edge.board.measure import files_to_measure
from levit_edge.board.session import Session
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.options import ImageOptions
from levit_edge.device.float16 import float16_of
from levit_edge.errors import BoardError, BundleError
from levit_edge.system.progress import Stages
from tests.board.listeners import Interrupting, count_sent
from tests.board.measuring import QUICK, answer, entry, measured
from tests.board.stand_in import HELLO, StandIn, answering
from tests.device import cpuinfo_texts as texts

FILES = ("fp32.onnx", "int8.onnx", "fp32.pte", "int8.pte", "int8-f16.pte")
ANSWER = answer(
    *(entry(file, rounds=[[ms] * 2] * 2) for file, ms in zip(FILES, (8.0, 4.0, 8.0, 2.0, 1.0), strict=True))
)
REASON = (
    "int8-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo):"
    " use int8.pte"
)


def board(cpuinfo: str, machine: str = "aarch64") -> dict[str, Any]:
    packages = {"numpy": "2.3.0", "onnxruntime": "1.31.0", "executorch-numpy-runtime": "1.4.0"}
    facts = HELLO["facts"] | {"cpuinfo": cpuinfo, "machine": machine}
    return HELLO | {"facts": facts, "packages": packages, "python": [3, 12, 3]}


A53, A76 = board(texts.RASPBERRY_PI_3), board(texts.RASPBERRY_PI_5)
X86 = board(texts.X86_VNNI, "x86_64")


def test_where_there_is_float16_the_file_is_measured_and_may_be_the_fastest(float16_too: Bundle) -> None:
    found = measured(float16_too, ANSWER, replace(QUICK, max_latency_ms=1.5), A76)
    assert [(each.artifact, each.error) for each in found.results] == [(file, "") for file in FILES]
    assert found.left_out == {}
    assert [(each.runtime, each.precision, each.median) for each in found.speedups] == [
        (Runtime.ONNXRUNTIME, Precision.INT8, 2.0),
        (Runtime.EXECUTORCH, Precision.INT8, 4.0),
        (Runtime.EXECUTORCH, Precision.INT8_FLOAT16, 8.0),
    ]
    assert found.gate == LatencyGate(max_latency_ms=1.5, passed=True)


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        (A53, REASON),
        (board(texts.RASPBERRY_PI_4_32_BIT, "armv7l"), "no float16 arithmetic that serves on armv7l: use"),
        (X86, "(x86_64) has no float16 arithmetic to speed it up: use int8.pte"),
    ],
    ids=["A53", "32-bit", "x86-64"],
)  # fmt: skip
def test_elsewhere_it_is_left_out_with_the_reason(float16_too: Bundle, hello: dict[str, Any], reason: str) -> None:
    found = measured(float16_too, ANSWER, replace(QUICK, max_latency_ms=1.5), hello)
    assert [each.artifact for each in found.results] == [*FILES[:-1]]
    assert list(found.left_out) == ["int8-f16.pte"]
    assert reason in found.left_out["int8-f16.pte"]
    assert found.gate.passed is False


def test_where_it_would_fail_it_is_refused_if_it_is_asked_for(float16_too: Bundle) -> None:
    wanted = replace(QUICK, precisions=(Precision.INT8, Precision.INT8_FLOAT16))
    with pytest.raises(BoardError) as refused:
        measured(float16_too, ANSWER, wanted, A53)
    assert str(refused.value) == f"board: {REASON}."


def test_where_it_is_slow_it_is_measured_if_it_is_asked_for(float16_too: Bundle) -> None:
    wanted = replace(QUICK, precisions=(Precision.INT8_FLOAT16,))
    found = measured(float16_too, ANSWER, wanted, X86)
    assert [each.artifact for each in found.results] == ["int8-f16.pte"]


def test_precisions_that_the_bundle_has_not_are_named(float16_too: Bundle, both_runtimes: Bundle) -> None:
    wanted = replace(QUICK, precisions=(Precision.INT8_FLOAT16,))
    with pytest.raises(BundleError, match=r"has no int8-f16 artifact, only fp32, int8\.$"):
        measured(both_runtimes, ANSWER, wanted, A76)
    with pytest.raises(BundleError, match=r"has no int8-f16 artifact for onnxruntime, only fp32, int8\.$"):
        measured(float16_too, ANSWER, replace(wanted, runtimes=(Runtime.ONNXRUNTIME,)), A76)


def test_without_such_a_file_nothing_is_said(both_runtimes: Bundle) -> None:
    a53 = float16_of("aarch64", texts.RASPBERRY_PI_3)
    assert without_float16("board", both_runtimes.manifest.artifacts, a53) == {}


def inferred(files: int, bundle: Bundle) -> tuple[Any, ...]:
    logits = np.ones((files, 6, bundle.manifest.config.classes), "<f4")
    return {"seconds": [[0.01] * 6] * files}, logits.tobytes(), {"done": True}


@pytest.mark.parametrize(("hello", "left_out"), [(A53, ["int8-f16.pte"]), (X86, [])], ids=["A53", "x86-64"])
def test_a_file_with_float16_is_evaluated_where_it_runs_fast_or_not(
    float16_too: Bundle, labelled_photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    hello: dict[str, Any], left_out: list[str],
) -> None:  # fmt: skip
    """The stand-in answers what it wants; what it was sent is what counts."""
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    opened = [{"packages": ["a 1"] * 4}, {"packages": ["a 1"]}]
    board = answering(hello=hello, open=opened, infer=inferred(5 - len(left_out), float16_too))
    found = verify_on(float16_too, board, labelled_photographs, options=ImageOptions(workers=0, limit=6))
    assert list(found.verification.not_run) == left_out
    evaluated = {each.artifact for each in found.verification.results}
    assert evaluated == {each.file for each in float16_too.manifest.artifacts} - {*left_out}
    assert all("Cortex-A53 has no float16 arithmetic" in each for each in found.verification.not_run.values())


def test_one_that_the_board_cannot_open_is_not_run_and_the_others_are(
    float16_too: Bundle, labelled_photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    died = {"error": {"kind": "died", "message": "int8-f16.pte: its process died (SIGILL)"}}
    board = answering(hello=A76, open=[{"packages": ["a 1"] * 4}, died], infer=inferred(4, float16_too))
    found = verify_on(float16_too, board, labelled_photographs, options=ImageOptions(workers=0, limit=6)).verification
    assert found.not_run == {
        "int8-f16.pte": "board: a process on the board ended: int8-f16.pte: its process died (SIGILL)"
    }
    assert [each.artifact for each in found.results] == [*FILES[:-1]]


FAILS_LATER = """
greet()
files, chunks = [], 0
while True:
    request = json.loads(hear())
    if request["do"] == "put":
        files.append(request["name"])
        left = request["size"]
        while left > 0:
            left -= len(hear())
        say({})
    elif request["do"] == "open":
        refused = not OPENS and request["models"][0]["file"] == "int8-f16.pte"
        say({"error": {"kind": "died", "message": "no"}} if refused else {"packages": ["a 1"] * len(request["models"])})
    elif request["do"] == "infer":
        hear()
        count, chunks = request["count"], chunks + 1
        if OPENS and "int8-f16.pte" in files and chunks == FAILING:
            FAULT
        models = len(files) - ("int8-f16.pte" in files and not OPENS)
        say({"seconds": [[0.01] * count] * models}, struct.pack("<f", 1) * models * count * CLASSES)
        say({"done": True})
    else:
        say(HELLO)
"""
DIES = 'say({"error": {"kind": "died", "message": "int8-f16.pte: it died", "file": "int8-f16.pte"}}); continue'
IS_NO_NUMBER = """values = [1] * (len(files) - 1) * count * CLASSES + [nan] * count * CLASSES
            logits = struct.pack(f"<{len(values)}f", *values)
            say({"seconds": [[0.01] * count] * len(files)}, logits, {"done": True})
            continue"""


TWENTY_FOUR = ImageOptions(workers=0, limit=24)


def failing_later(bundle: Bundle, fault: str = DIES, *, opens: bool = True, chunk: int = 2) -> StandIn:
    """A board on which int8-f16.pte fails with one of the chunks, or cannot be opened."""
    words = {"FAULT": fault, "CLASSES": str(bundle.manifest.config.classes), "HELLO": repr(A76), "OPENS": str(opens)}
    body = FAILS_LATER.replace("FAILING", str(chunk))
    for word, text in words.items():
        body = body.replace(word, text)
    return StandIn(body)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (DIES, "board: a process on the board ended: int8-f16.pte: it died"),
        (IS_NO_NUMBER, "board: int8-f16.pte gives logits that are not finite numbers"),
    ],
)
def test_one_that_fails_after_it_was_opened_is_not_run_and_the_others_are(
    float16_too: Bundle, labelled_photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fault: str, why: str,
) -> None:  # fmt: skip
    """What the others answered before is not asked for again: of 24 images 8 are left, and all are counted."""
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    asked, board = count_sent(monkeypatch), failing_later(float16_too, fault)
    found = verify_on(float16_too, board, labelled_photographs, options=TWENTY_FOUR)
    assert found.verification.not_run == {"int8-f16.pte": why}
    assert [(each.artifact, each.top1 is not None) for each in found.verification.results] == [
        (file, True) for file in FILES[:-1]
    ]
    assert (found.verification.samples, found.resumed) == (24, 0)
    assert asked == [16, 8, 8]
    assert list((tmp_path / "unfinished").iterdir()) == []


@pytest.fixture
def in_fours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Chunks of four photographs; where the answers are kept."""
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    return tmp_path / "unfinished"


def cut_off(bundle: Bundle, board: StandIn, photographs: Path, images: int) -> None:
    """Evaluate, until so many images have been heard of."""
    with pytest.raises(KeyboardInterrupt):
        verify_on(bundle, board, photographs, options=TWENTY_FOUR, stages=Stages(Interrupting(images)))


def test_a_call_that_is_cut_off_after_a_failure_goes_on_without_that_file(
    float16_too: Bundle, labelled_photographs: Path, in_fours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four are answered when the file fails, and twelve when the call is cut off."""
    board = failing_later(float16_too)
    cut_off(float16_too, board, labelled_photographs, 4 + 4 + 6)
    kept = sorted(sorted(each.name for each in folder.iterdir()) for folder in in_fours.iterdir())
    assert kept == [["0", "4", "8"], ["lost"]]
    asked = count_sent(monkeypatch)
    found = verify_on(float16_too, board, labelled_photographs, options=TWENTY_FOUR)
    assert found.verification.not_run == {"int8-f16.pte": "board: a process on the board ended: int8-f16.pte: it died"}
    assert (asked, found.resumed, found.verification.samples) == ([4, 4, 4], 12, 24)
    assert list(in_fours.iterdir()) == []


@pytest.mark.parametrize(("before", "chunk"), [(12, 2), (4, 4)])
def test_answers_of_a_call_that_could_not_open_the_file_are_kept_too(
    float16_too: Bundle, labelled_photographs: Path, in_fours: Path, monkeypatch: pytest.MonkeyPatch,
    before: int, chunk: int,
) -> None:  # fmt: skip
    """The other files' have answers for 12 images, or for 4, when this one is opened after all, and fails."""
    cut_off(float16_too, failing_later(float16_too, opens=False), labelled_photographs, before - 2)
    sent = count_sent(monkeypatch)
    found = verify_on(float16_too, failing_later(float16_too, chunk=chunk), labelled_photographs, options=TWENTY_FOUR)
    assert found.verification.not_run == {"int8-f16.pte": "board: a process on the board ended: int8-f16.pte: it died"}
    assert found.resumed == before
    assert sum(sent[-3:]) == 12
    assert list(in_fours.iterdir()) == []


def test_one_time_is_for_all_sessions(
    float16_too: Bundle, labelled_photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    begun: list[tuple[float, float]] = []

    class Noted(Session):
        def __init__(self, transport: Transport, **how: Any) -> None:
            begun.append((how["timeout_s"], how["begun"]))
            super().__init__(transport, **how)

    monkeypatch.setattr(evaluate, "Session", Noted)
    board = failing_later(float16_too)
    verify_on(float16_too, board, labelled_photographs, options=TWENTY_FOUR, timeout_s=3600)
    assert len(begun) == 2
    assert len({*begun}) == 1


@pytest.mark.parametrize("about", [{"sustained_s": 60.0}, {"max_latency_ms": 50.0}])
def test_what_is_about_int8_is_refused_without_any(float16_too: Bundle, about: dict[str, Any]) -> None:
    settings = replace(QUICK, precisions=(Precision.FP32,), **about)
    with pytest.raises(BundleError, match="about int8 files: add --precision int8, or leave them out"):
        measured(float16_too, ANSWER, settings, A53)
    chosen = files_to_measure(float16_too, replace(settings, precisions=(Precision.INT8_FLOAT16,)))
    assert [each.file for each in chosen] == ["int8-f16.pte"]


def test_whatever_a_board_says_of_itself_is_no_control_character() -> None:
    found = float16_there({"machine": "\x1b[31m" * 99, "cpuinfo": "processor: 0\nmodel name: \x1b]0;x\n", "hwcap": "9"})
    assert "\x1b" not in found.why
    assert not found.runs
    assert not float16_there(None).runs
    assert float16_there({"machine": "aarch64", "hwcap": 0b11 << 9}).runs

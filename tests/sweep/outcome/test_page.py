"""What the page of a sweep says."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from levit_edge.bundle.kinds import GateOn, Runtime
from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.cli.show.sweep import sweep_table
from levit_edge.data.classes import PairingRecord, PairingRule
from levit_edge.sweep.outcome.page import sweep_page
from levit_edge.sweep.outcome.results import Candidate, TaskCounts
from levit_edge.sweep.plan import Calibration, Gates, Winner, WinnerBy
from tests.board.example import PI_5
from tests.conftest import DEMO_SHA256
from tests.report.test_bundle_page import text
from tests.sweep.example import (
    IMAGES,
    candidate,
    of_ten_classes,
    plan,
    sweep,
    swept,
    with_float16,
    with_poor_fp32,
    without_float16,
)

SECTIONS = ["winners", "checkpoints", "problems", "recipes", "work", "reproduce"]


def test_everything_is_on_the_page() -> None:
    results = sweep(2, 5)
    html = sweep_page(results)
    assert re.findall(r'<section id="(\w+)"', html) == SECTIONS
    assert html.count("<svg") == 3
    assert html.count("<details open>") == 2
    seen = text(html)
    for expected in (
        "2 checkpoints by 5 recipes in INT8",
        "Made 2026-11-20 12:00 UTC by levit-edge 0.1.0 with 2 processes on this machine, in 1:02:05.",
        "1 of 10 candidates has failed, entirely or in part",
        "5000 labelled, of s3://bucket/val",
        "2 of 2 drop at most 1.00 points",
        "levit-00 static wins, drop 0.20",
        "1 static, int8.pte 8.58 78.30 94.00 +0.20 −0.05 … +0.45 97.50 40 / 31 30.0 8.00 wins, front",
        "4 nearest, int8.pte 8.70 77.40 94.00 +1.10 +0.85 … +1.35 97.50 40 / 31 30.0 10.10 misses drop",
        "levit-01 static 8.58 78.00",
        "(3 attempts): not enough memory. Its log: store/logs/q.log levit-01 × float-head",
        "1 static scheme: static",
        "2 mixed the default",
        "5 float-head calibration images: 512; float layers: head",
        "quantize 10 1 0 0 800.5",
        "evaluate 60 0 1 2 2400.0",
        "torch 2.13.0",
        "processor a desk calculator, features 0a1b2c3d",
        "levit-edge sweep plan.toml",
        "[[checkpoints]] path = &#34;s3://bucket/*.pth&#34;",
        "median of one image, one thread, on Raspberry Pi 5",
    ):
        assert expected in seen, expected
    assert seen.count("fp32.pte 29.56") == 2


def test_the_same_results_give_the_same_page() -> None:
    assert sweep_page(sweep(2, 3)) == sweep_page(sweep(2, 3))


def test_a_single_checkpoint_has_no_overview_but_its_front() -> None:
    html = sweep_page(sweep(1, 2, timed=False))
    assert html.count("<svg") == 1
    assert "size, MiB" in html
    assert "no latency was measured" in text(html)


def circles(html: str, colour: str) -> int:
    """Rings of winners, which are the only lines of that width."""
    return len(re.findall(rf"stroke: {colour.lower()}; stroke-width: 2[;\"]", html))


def test_the_winner_is_ringed_in_the_runtime_that_is_compared() -> None:
    results = sweep(1, 3)
    assert (circles(sweep_page(results), "#0072B2"), circles(sweep_page(results), "#D55E00")) == (1, 0)
    other = replace(results, plan=replace(results.plan, winner=Winner(runtime=Runtime.ONNXRUNTIME)))
    assert (circles(sweep_page(other), "#0072B2"), circles(sweep_page(other), "#D55E00")) == (0, 1)


def test_a_file_with_float16_has_its_row_and_the_int8_file_wins() -> None:
    seen = text(sweep_page(swept([with_float16(candidate("levit", "static"), 1.1)], plan(gates=Gates()))))
    assert "1 static, int8.pte 8.58 78.10 94.00 +0.40 +0.15 … +0.65 97.50 40 / 31 30.0 8.00 wins, front" in seen
    assert "1 static, int8-f16.pte 7.82 77.40 94.00 +1.10 +0.85 … +1.35 97.50 40 / 31 30.0 50.00 " in seen
    assert seen.count("wins, front") == 1


def test_caveats_stand_where_they_apply() -> None:
    few = replace(IMAGES, count=150, skipped=("bad.jpg",))
    base = candidate("demo", "static", size="demo")
    assert base.verification is not None
    demo = replace(
        base, checkpoint_sha256=DEMO_SHA256, verification=replace(base.verification, samples=150, images=few)
    )
    of = plan(calibration=Calibration(images=IMAGES.source))
    results = swept([demo, candidate("demo", "mixed")], of, environment={"processor": "one; another"})
    assert results.device is not None
    seen = text(sweep_page(replace(results, device=replace(PI_5, architecture="x86_64"))))
    caveats = (
        "embedded demo",
        "Each winner has the least of 2 drops on the same images",
        "Few images: one of 150 is 0.67 points",
        "left out: 1 of evaluation",
        "calibration images themselves",
        "one candidate after the other",
        "These are times of a computer, not of an ARM board or phone.",
        "Different processors took part",
    )
    for caveat in caveats:
        assert caveat in seen, caveat
    plain = swept([candidate("levit", "static", size="demo", times_ms=None)], plan(("static",), timed=False))
    unmoved = text(sweep_page(plain))
    assert not [caveat for caveat in caveats if caveat in unmoved]
    by_size = replace(of, winner=Winner(by=WinnerBy.SIZE))
    assert "Each winner has the least" not in text(sweep_page(swept([demo], by_size)))


def test_without_labels_there_is_no_front_and_no_drop() -> None:
    results = swept([candidate("levit", "static", drops=(None, None))], plan(("static",), gates=Gates()))
    html = sweep_page(results)
    assert "<svg" not in html
    assert "The images have no labels" in text(html)
    assert "no winner" in text(html)
    assert "no gates" in text(html)


def test_what_was_passed_over_is_told_for_each_source() -> None:
    seen = text(sweep_page(replace(sweep(1, 1), passed_over={"val": {"HEIC": 3, "no image": 1}, "train": {}})))
    assert "passed over 4 files passed over: 3 HEIC, 1 no image, in val" in seen
    assert "in train" not in seen


def test_what_to_know_of_checkpoints_and_images_is_at_the_top_once() -> None:
    warned = [candidate(name, each, warnings=("<all> squares",)) for name in ("a", "b") for each in ("static", "mixed")]
    results = swept(warned, plan(("static", "mixed")))
    assert results.warnings == {"<all> squares": ["a", "b"]}
    head, _, rest = text(sweep_page(results)).partition("Winners")
    assert "a, b: &lt;all&gt; squares" in head
    assert "squares" not in rest


def test_images_of_some_classes_and_how_these_were_paired() -> None:
    html = sweep_page(swept([of_ten_classes(candidate("levit", "static")), candidate("other", "static")], plan()))
    seen = text(html)
    assert "top-1 of 10, % p50 ms" in seen
    assert "1 static, int8.pte 8.58 78.10 94.00 +0.40 +0.15 … +0.65 97.50 40 / 31 30.0 96.50 8.00 wins, front" in seen
    assert "97.50 40 / 31 30.0 – 8.00" in seen
    assert "Top-1 of 10: among the classes that the images have alone" in seen
    assert "classes 10 of 1,000 classes, paired by WordNet ids" in seen
    assert "top-1 of" not in text(sweep_page(sweep(1, 2))).lower()
    other = of_ten_classes(candidate("other", "static"))
    assert other.verification is not None
    record = PairingRecord(rule=PairingRule.NAMES, labels=10, outputs=10)
    other = replace(other, verification=replace(other.verification, classes=record))
    both = text(sweep_page(swept([of_ten_classes(candidate("levit", "static")), other], plan())))
    assert (
        "10 of 1,000 classes, paired by WordNet ids: levit classes 10 of 10 classes, paired by class names: other"
        in both
    )


def test_an_accuracy_that_cannot_be_right_is_said_at_the_top() -> None:
    results = swept([with_poor_fp32(candidate(name, "static")) for name in ("one", "two")], plan(("static",)))
    head, _, rest = text(sweep_page(results)).partition("Winners")
    assert "one, two: fp32 is no better than chance." in head
    assert "2 of 2 checkpoints have no candidate within the gates" in head
    assert rest.count("misses drop") == 4


def test_a_gate_of_the_interval_is_named_and_one_of_the_drop_says_what_few_images_hide() -> None:
    close = candidate("levit", "static", drops=(0.9, 0.4))
    seen = text(sweep_page(swept([close], plan(("static",), gates=Gates(max_drop_pt=1.0, on=GateOn.INTERVAL)))))
    assert "upper end of the drop's 95 % interval at most 1.00 points" in seen
    assert seen.count("misses interval") == 1
    assert "too few to tell" not in seen
    assert "5,000 images are too few to tell: it may be 1.15 points" in text(sweep_page(swept([close], plan())))


def test_nothing_but_failures_is_a_page_too() -> None:
    failed = [Candidate(checkpoint="levit", recipe=name, problems=("it broke",)) for name in ("static", "mixed")]
    html = sweep_page(swept(failed, plan(), tasks={}))
    seen = text(html)
    assert "2 of 2 candidates have failed" in seen
    assert "1 of 1 checkpoint has no candidate within the gates" in seen
    assert "it broke levit × static, levit × mixed" in seen
    assert "no candidate was evaluated on all of them" in seen
    assert "<svg" not in html


@pytest.mark.parametrize(
    ("value", "count"),
    [(float("inf"), -(10**400)), (-float("inf"), -1), (float("nan"), 10**400), (1e300, 2**64)],
    ids=["inf", "-inf", "nan", "large"],
)
def test_figures_that_cannot_be_are_dashes(value: float, count: int) -> None:
    """They are of the right type in a file of someone else's."""
    built = candidate("levit", "static")
    assert built.verification is not None
    images = ImageProvenance(source="val", count=count, sha256="")
    bad = replace(built, verification=replace(built.verification, samples=count, images=images), classes=count)
    results = replace(
        sweep(2, 2),
        candidates=(bad, candidate("other", "static")),
        seconds=value,
        tasks={"quantize": TaskCounts(done=count, reused=count, failed=count, retried=count, seconds=value)},
        plan=plan(gates=Gates(max_drop_pt=-1e300, max_int8_bytes=10**400, max_latency_ms=1e300)),
        device=replace(PI_5, memory_bytes=count),
    )
    seen = text(sweep_page(results).partition("<summary><code>plan.toml")[0])
    assert "quantize – – – – –" in seen
    assert "LeViT-128S, – classes" in seen
    assert not re.search(r"\b(nan|inf)\b|1e\+?300|00000", seen)


@pytest.mark.release
def test_forty_checkpoints_by_five_recipes_stay_readable() -> None:
    results = sweep(40, 5)
    html = sweep_page(results)
    assert len(html.encode()) < 5e6
    assert html.count("<svg") == 41
    assert html.count("<details>") == 41
    assert "not drawn" not in text(html)


def test_no_number_of_checkpoints_takes_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("levit_edge.sweep.outcome.page.MOST_DRAWN", 5)
    html = sweep_page(sweep(4, 2))
    assert html.count("<svg") == 3
    assert "2 checkpoints are not drawn, as there are too many candidates." in text(html)
    assert "2 more checkpoints are not drawn." in text(html)
    assert "levit-03 no winner" in text(html)


def test_many_problems_are_told_in_part() -> None:
    failed = [
        Candidate(checkpoint=f"levit-{number}", recipe="static", problems=("lost", f"problem {number}"))
        for number in range(80)
    ]
    seen = text(sweep_page(swept(failed, plan())))
    assert "lost levit-0 × static, levit-1 × static" in seen
    assert "and 72 more" in seen
    assert "31 more are in results.json" in seen


def test_a_file_that_could_not_be_run_is_named_with_the_reason() -> None:
    results = swept([without_float16(candidate("levit", name)) for name in ("static", "mixed")], plan())
    said = "int8-f16.pte computes in float16, and Cortex-A53 has none: use int8.pte."
    assert text(sweep_page(results)).count(f"levit: not run, and without figures: {said}") == 1
    sweep_table(results, console := Console(record=True, file=io.StringIO(), width=200))
    assert console.export_text().count(f"levit: not run: {said}") == 1

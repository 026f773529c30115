"""What to do next follows from what was found."""

from dataclasses import replace

import pytest

from levit_edge.benchmark.measurement import Measurement
from levit_edge.bundle.manifest import EMBEDDED, Manifest
from levit_edge.bundle.reader import Bundle
from levit_edge.report.next_steps import NextStep, next_steps
from tests.board.example import MEASUREMENT, measured
from tests.conftest import DEMO_SHA256

QUIET = measured(before=replace(MEASUREMENT.before, load_average=0.1))
BUSY = measured(before=replace(MEASUREMENT.before, load_average=10.0))
HERE = measured(
    before=replace(MEASUREMENT.before, load_average=0.1), device=replace(MEASUREMENT.device, architecture="x86_64")
)


@pytest.fixture
def sound(recorded: Bundle) -> Manifest:
    """Of a bundle with nothing to be said against it."""
    manifest = recorded.manifest
    results = tuple(replace(each, agreement=99.5, drop_ci95_pt=(-0.1, 0.2)) for each in manifest.verification.results)
    return replace(
        manifest,
        calibration=replace(manifest.calibration, source="train", sha256="1" * 64, count=256),
        verification=replace(manifest.verification, samples=5000, results=results),
    )


def commands(steps: list[NextStep]) -> list[str]:
    return [advice.command for step in steps for advice in step.advice]


def test_nothing_in_the_way(sound: Manifest) -> None:
    (step,) = next_steps(sound, QUIET)
    assert step.finding == "Nothing stands in the way."
    assert step.advice[0].command == "levit-edge package BUNDLE --for board"


@pytest.mark.parametrize(
    ("latency", "boards", "bench"),
    [
        (None, [], ["levit-edge bench BUNDLE --on ssh://pi@raspberrypi.local --save results"]),
        (HERE, [], ["levit-edge bench BUNDLE --on ssh://pi@raspberrypi.local --save results"]),
        (HERE, [QUIET], []),
        (HERE, [BUSY], ["levit-edge bench BUNDLE --on ssh://pi@raspberrypi.local --save results"]),
        (BUSY, [], ["levit-edge bench BUNDLE"]),
    ],
)
def test_what_was_not_measured_or_under_load(
    sound: Manifest, latency: Measurement | None, boards: list[Measurement], bench: list[str]
) -> None:
    found = commands(next_steps(sound, latency, boards))
    assert found == [*bench, "levit-edge package BUNDLE --for board"]


def test_few_images_call_for_more_and_say_how_many(sound: Manifest) -> None:
    wide = tuple(replace(each, drop_ci95_pt=(-1.0, 1.0)) for each in sound.verification.results)
    few = replace(sound, verification=replace(sound.verification, samples=250, results=wide))
    step = next_steps(few, QUIET)[0]
    assert step.finding == "250 images say little of a small drop."
    assert "some 1,000 tell a drop of 0.5 points from none" in step.advice[0].text, "4 times as many halve the interval"
    assert step.advice[0].command == "levit-edge verify BUNDLE --evaluation VAL"


def test_low_agreement_calls_for_calibration_images_and_a_budget(sound: Manifest) -> None:
    low = tuple(replace(each, agreement=91.25) for each in sound.verification.results)
    step = next_steps(replace(sound, verification=replace(sound.verification, results=low)), QUIET)[0]
    assert "agrees with fp32 on 91.25 % of the images." in step.finding
    assert [advice.command for advice in step.advice] == [
        "levit-edge quantize … --calibration-images 512",
        "levit-edge quantize … --max-drop 0.5",
        "levit-edge sensitivity --checkpoint CHECKPOINT --evaluation VAL",
    ]


def test_a_drop_that_is_certain_and_a_failed_gate_call_for_the_same(sound: Manifest) -> None:
    certain = tuple(replace(each, drop_ci95_pt=(0.1, 0.9)) for each in sound.verification.results)
    failed = replace(sound.verification.gate, passed=False)
    for verification in (
        replace(sound.verification, results=certain),
        replace(sound.verification, gate=failed),
    ):
        steps = next_steps(replace(sound, verification=verification), QUIET)
        assert steps[0].finding == "INT8 loses accuracy."


def test_images_that_say_nothing(sound: Manifest) -> None:
    unlabelled = replace(sound.verification, labelled=False, results=())
    embedded = replace(sound.calibration, source=EMBEDDED)
    steps = next_steps(replace(sound, verification=unlabelled, calibration=embedded), QUIET)
    assert [step.finding for step in steps[:2]] == [
        "It was calibrated on photographs of clothing.",
        "The drop was not measured.",
    ]
    same = replace(sound, calibration=replace(sound.calibration, sha256=sound.verification.images.sha256))
    assert next_steps(same, QUIET)[0].finding == "It was evaluated on the calibration images."
    poor = replace(sound, verification=replace(sound.verification, poor_fp32="fp32 is right on 3 %"))
    assert next_steps(poor, QUIET)[0].advice[0].command == "levit-edge inspect CHECKPOINT"


def test_the_demo_is_not_asked_for_its_own_calibration(sound: Manifest) -> None:
    demo = replace(
        sound,
        checkpoint=replace(sound.checkpoint, sha256=DEMO_SHA256),
        calibration=replace(sound.calibration, source=EMBEDDED),
    )
    assert next_steps(demo, QUIET)[0].finding == "This is the embedded demo."
    assert len(next_steps(demo, QUIET)) == 2

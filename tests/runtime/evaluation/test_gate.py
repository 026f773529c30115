"""A figure that cannot be right is no success, and a gate says what it can tell."""

import math
from dataclasses import replace

import pytest

from levit_edge.bundle.kinds import GateOn, Precision, Runtime
from levit_edge.bundle.manifest import ArtifactResult, Verification
from levit_edge.data.classes import PairingRecord, PairingRule
from levit_edge.model.config import CONFIGS
from levit_edge.runtime.evaluation.gate import (
    NO_GATE,
    GateRules,
    gate,
    poor_fp32,
    published_top1,
    verdict,
    wilson_interval,
)
from tests.conftest import tiny_manifest

TEN = PairingRecord(rule=PairingRule.NAMES, labels=10, outputs=10)
IMAGENET = PairingRecord(rule=PairingRule.WORDNET, labels=1000, outputs=1000)


def results(top1: float, drop: float = 0.0, upper: float = 0.0) -> tuple[ArtifactResult, ...]:
    reference = ArtifactResult(
        artifact="fp32.onnx", runtime=Runtime.ONNXRUNTIME, precision=Precision.FP32, size_bytes=1, top1=top1, top5=top1,
        drop_pt=None, drop_ci95_pt=None, agreement=None, flips_lost=None, flips_gained=None, sqnr_db=None,
        margin_change_mean=None, margin_change_worst=None, images_per_second=1.0,
    )  # fmt: skip
    candidate = replace(
        reference, artifact="int8.onnx", precision=Precision.INT8, drop_pt=drop, drop_ci95_pt=(-upper, upper)
    )
    return (reference, candidate)


def verified(rules: GateRules, found: tuple[ArtifactResult, ...], poor: str | None) -> Verification:
    verification = tiny_manifest((), {"labels.txt": "", "golden.npz": ""}).verification
    return replace(verification, gate=gate(found, rules, poor), results=found, poor_fp32=poor)


@pytest.mark.parametrize(("right", "samples"), [(14, 120), (1, 10), (49_000, 50_000)])
def test_the_interval_is_wilsons(right: int, samples: int) -> None:
    """Its ends are the proportions from which the one found is 1.96 standard errors away."""
    share = right / samples
    for end in (each / 100 for each in wilson_interval(100 * share, samples)):
        assert abs(share - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / samples), rel=1e-6)


def test_the_interval_ends_at_nothing_and_all() -> None:
    assert wilson_interval(0.0, 10)[0] == pytest.approx(0)
    assert wilson_interval(100.0, 10)[1] == pytest.approx(100)


@pytest.mark.parametrize(("top1", "samples", "is_poor"), [(11.67, 120, True), (69.17, 120, False), (25, 4, True)])
def test_fp32_no_better_than_chance_is_poor(top1: float, samples: int, is_poor: bool) -> None:
    said = poor_fp32(results(top1), samples, TEN, None)
    assert (said is not None) == is_poor
    if said is not None:
        assert "no better than chance among 10 classes" in said
        assert "order of classes" in said


@pytest.mark.parametrize(
    ("top1", "samples", "classes", "is_poor"),
    [
        (74.0, 50_000, IMAGENET, True),
        (75.0, 50_000, IMAGENET, False),  # 1.6 points below 76.6
        (74.0, 1_000, IMAGENET, False),  # too few images to tell
        (60.0, 50_000, replace(IMAGENET, labels=200), False),  # such as ImageNet-A's
    ],
)
def test_published_weights_far_below_their_accuracy_are_poor(
    top1: float, samples: int, classes: PairingRecord, is_poor: bool
) -> None:
    said = poor_fp32(results(top1), samples, classes, 76.6)
    assert (said is not None) == is_poor
    assert poor_fp32(results(top1), samples, classes, None) is None


def test_published_weights_are_known_by_their_hash() -> None:
    assert published_top1(CONFIGS["128S"], "96703c44" + 56 * "0") == 76.6
    assert published_top1(CONFIGS["128S"], 64 * "0") is None
    assert published_top1(CONFIGS["demo"], 64 * "0") is None


def test_a_poor_fp32_fails_the_gate_unless_that_is_allowed() -> None:
    failed = verified(GateRules(max_drop_pt=0.5), results(11.7), "fp32 is right on …")
    assert failed.gate.passed is False
    assert "fp32's accuracy cannot be right" in str(verdict(failed))
    allowed = verified(GateRules(max_drop_pt=0.5, allow_poor_fp32=True), results(11.7), "fp32 is right on …")
    assert allowed.gate.passed is True
    assert str(verdict(allowed)).startswith("gate passed")


@pytest.mark.parametrize(
    ("on", "upper", "passed", "said"),
    [
        (GateOn.DROP, 0.4, True, "gate passed: the drop is at most 0.5 points"),
        (GateOn.DROP, 12.6, True, "too few to tell: it may be 12.60"),
        (GateOn.INTERVAL, 0.4, True, "gate passed: the upper end of the drop's 95 % interval is at most 0.5 points"),
        (
            GateOn.INTERVAL,
            12.6,
            False,
            "gate FAILED: the upper end of the drop's 95 % interval is more than 0.5 points",
        ),
    ],
)
def test_few_images_are_told_of_and_may_fail(on: GateOn, upper: float, passed: bool, said: str) -> None:
    verification = verified(GateRules(max_drop_pt=0.5, on=on), results(70.0, upper=upper), None)
    assert verification.gate.passed is passed
    assert said in str(verdict(verification))


@pytest.mark.parametrize(("drop", "passed"), [(0.5, True), (1.5, False)])
def test_the_file_with_float16_is_judged_as_well(drop: float, passed: bool) -> None:
    *others, int8 = results(78.0, drop=0.2)
    half = replace(int8, artifact="int8-f16.pte", precision=Precision.INT8_FLOAT16, drop_pt=drop)
    assert gate((*others, int8, half), GateRules(max_drop_pt=1.0)).passed is passed


def test_one_point_is_one() -> None:
    verification = verified(GateRules(max_drop_pt=1.0), results(70.0, upper=0.4), None)
    assert verdict(verification) == "gate passed: the drop is at most 1 point"


def test_without_a_gate_there_is_no_verdict() -> None:
    assert (
        verdict(
            replace(
                tiny_manifest((), {"labels.txt": "", "golden.npz": ""}).verification, gate=gate(results(70.0), NO_GATE)
            )
        )
        is None
    )

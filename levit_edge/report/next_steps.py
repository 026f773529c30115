"""What to do next with a bundle, by what was found of it: a sentence, and the command that does it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from levit_edge.benchmark.interference import busy
from levit_edge.benchmark.measurement import Measurement
from levit_edge.bundle.manifest import EMBEDDED, ArtifactResult, Manifest
from levit_edge.demo import is_demo
from levit_edge.report.caveats import few_images
from levit_edge.text import counted

__all__ = ["Advice", "NextStep", "next_steps"]

LEAST_AGREEMENT = 98.0
"""Percent. The stand-in's files have 99.4 and more with the default recipe: docs/accuracy.md."""
MANY_FOR_CALIBRATION = 512
"""Images, twice the default."""
WITHIN_PT = 0.5
"""Points: the half width of an interval that tells small drops from none."""
ARM = ("aarch64", "arm64")
QUANTIZE = "levit-edge quantize --checkpoint CHECKPOINT --calibration TRAIN --evaluation VAL"
VERIFY = "levit-edge verify BUNDLE --evaluation VAL"
ON_A_BOARD = "levit-edge bench BUNDLE --on ssh://pi@raspberrypi.local --save results"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to do."""

    text: str
    command: str
    """`BUNDLE` stands for the bundle's folder, and other capitals for what is the reader's own."""


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """Something that was found, and what to do about it: any of several things."""

    finding: str
    advice: tuple[Advice, ...]


def next_steps(
    manifest: Manifest, latency: Measurement | None, measurements: Sequence[Measurement] = ()
) -> list[NextStep]:
    """What the findings call for, what stands in the way first; never nothing.

    Args:
        manifest: of the bundle.
        latency: on the computer that made it, if that was measured.
        measurements: of boards.
    """
    steps = [*_of_fp32(manifest), *_of_images(manifest), *_of_accuracy(manifest)]
    steps += _of_times(latency, measurements)
    return [*steps, _of_use(held_up=bool(steps))]


def _step(finding: str, text: str, command: str) -> NextStep:
    return NextStep(finding=finding, advice=(Advice(text=text, command=command),))


def _of_fp32(manifest: Manifest) -> Iterator[NextStep]:
    if is_demo(manifest.checkpoint.sha256):
        yield _step("This is the embedded demo.", "Make a bundle of your own checkpoint, on your own images.", QUANTIZE)
    if manifest.verification.poor_fp32 is not None:
        yield _step(
            "fp32's own accuracy cannot be right, and the drop says nothing then.",
            "Look whether classes and preprocessing are those that the checkpoint was trained with.",
            "levit-edge inspect CHECKPOINT",
        )


def _of_images(manifest: Manifest) -> Iterator[NextStep]:
    verification, calibration = manifest.verification, manifest.calibration
    if calibration.source == EMBEDDED and not is_demo(manifest.checkpoint.sha256):
        yield _step(
            "It was calibrated on photographs of clothing.",
            "Calibrate on some hundred images like those that the network will see.",
            QUANTIZE,
        )
    if not verification.labelled:
        yield _step("The drop was not measured.", "Verify on images with labels.", VERIFY)
    elif few_images(verification) is not None:
        wanted = _images_for(manifest.verification.results, verification.samples)
        yield _step(
            f"{counted(verification.samples, 'image')} say little of a small drop.",
            f"Verify on more{wanted}, none of them used for calibration.",
            VERIFY,
        )
    if verification.images.sha256 == calibration.sha256:
        yield _step("It was evaluated on the calibration images.", "Verify on others.", VERIFY)


def _images_for(results: Sequence[ArtifactResult], samples: int) -> str:
    """How many images narrow the widest interval to `WITHIN_PT`: its width goes with the root of their number."""
    widths = [(high - low) / 2 for low, high in (each.drop_ci95_pt for each in results if each.drop_ci95_pt)]
    wanted = samples * (max(widths, default=0.0) / WITHIN_PT) ** 2
    if wanted <= samples:
        return ""
    return f": some {max(round(wanted, -2), 100):,.0f} tell a drop of {WITHIN_PT:g} points from none"


def _of_accuracy(manifest: Manifest) -> Iterator[NextStep]:
    verification = manifest.verification
    agreements = {each.artifact: each.agreement for each in verification.results if each.agreement is not None}
    worst = min(agreements, key=lambda name: agreements[name], default=None)
    shown = any(each.drop_ci95_pt is not None and each.drop_ci95_pt[0] > 0 for each in verification.results)
    if worst is None or not (agreements[worst] < LEAST_AGREEMENT or shown or verification.gate.passed is False):
        return
    low = agreements[worst] < LEAST_AGREEMENT
    finding = f"{worst} agrees with fp32 on {agreements[worst]:.2f} % of the images." if low else "INT8 loses accuracy."
    yield NextStep(finding=finding, advice=tuple(_against_loss(manifest)))


def _against_loss(manifest: Manifest) -> Iterator[Advice]:
    used = manifest.calibration.count
    if used < MANY_FOR_CALIBRATION and manifest.calibration.source != EMBEDDED:
        more = f"levit-edge quantize … --calibration-images {MANY_FOR_CALIBRATION}"
        yield Advice(text=f"Calibrate on more than {counted(used, 'image')}.", command=more)
    if manifest.search is None:
        text = "Give an accuracy budget: the layers that cost most then compute better, and the rest stays fast."
        yield Advice(text=text, command=f"levit-edge quantize … --max-drop {WITHIN_PT:g}")
    look = "levit-edge sensitivity --checkpoint CHECKPOINT --evaluation VAL"
    yield Advice(text="See which layers cost what.", command=look)


def _of_times(latency: Measurement | None, measurements: Sequence[Measurement]) -> Iterator[NextStep]:
    timed = [each for each in measurements if each.device.emulator is None]
    if latency is not None and any(busy(latency)):
        yield _step(
            f"The times are of a busy computer (load average {latency.before.load_average:.1f}).",
            "Measure again when it is quiet.",
            "levit-edge bench BUNDLE",
        )
    if any(any(busy(each)) for each in timed):
        yield _step("A board was busy while it was measured.", "Measure again when it is quiet.", ON_A_BOARD)
    own = [] if latency is None else [latency]
    if not any(each.device.architecture in ARM for each in (*timed, *own)):
        yield _step(
            "It was not measured on a device.",
            "Measure it where it will run: what INT8 gains differs from processor to processor.",
            ON_A_BOARD,
        )


def _of_use(*, held_up: bool) -> NextStep:
    return _step(
        "When the figures are good enough:" if held_up else "Nothing stands in the way.",
        "Pack it for where it will run (board, android, web).",
        "levit-edge package BUNDLE --for board",
    )

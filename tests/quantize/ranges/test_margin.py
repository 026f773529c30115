"""Static ranges are wider than what was seen, and more so where little depends on their steps."""

import pytest

from levit_edge.bundle.recipe import RangeMethod, Recipe
from levit_edge.quantize.calibration.calibrate import calibrate
from levit_edge.quantize.ranges.affine import Range
from levit_edge.quantize.ranges.margin import LAST_STAGE_MARGIN, MARGIN, Margins
from tests.quantize.conftest import Demo

SEEN = Range(minimum=-1.0, maximum=2.0)


@pytest.mark.parametrize(
    ("site", "factor"),
    [
        ("stem.conv1.input", 1.0),
        ("stem.conv2.input", MARGIN),
        ("blocks.0.q.output", MARGIN),
        ("blocks.7.up.input", MARGIN),
        ("blocks.8.proj.output", LAST_STAGE_MARGIN),
        ("blocks.11.scores.output", LAST_STAGE_MARGIN),
        ("head.input", LAST_STAGE_MARGIN),
    ],
)
def test_the_last_stage_has_more(demo_steps: Demo, site: str, factor: float) -> None:
    """The demo's begins with its second shrinking attention, blocks.8."""
    assert Margins(demo_steps.deploy).widened(site, SEEN) == Range(minimum=-factor, maximum=2 * factor)


def test_only_the_smallest_and_largest_values_get_one(demo_steps: Demo) -> None:
    images = [demo_steps.images[:4]]
    found = calibrate(demo_steps.deploy, images, Recipe())
    read = found.ranges["blocks.0.q"].input
    assert read.maximum == MARGIN * found.seen["blocks.0.q"].input.maximum
    clipped = calibrate(demo_steps.deploy, images, Recipe(range_method=RangeMethod.PERCENTILE, percentile=100.0))
    assert clipped.ranges["blocks.0.q"].input.maximum <= clipped.seen["blocks.0.q"].input.maximum * 1.001


def test_what_hardswish_makes_zero_needs_none(demo_steps: Demo) -> None:
    found = calibrate(demo_steps.deploy, [demo_steps.images[:4]], Recipe())
    assert {layer.output.minimum for name, layer in found.ranges.items() if name.endswith(".up")} >= {-3.0}

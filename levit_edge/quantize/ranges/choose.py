"""The choice of an activation's range from its histogram: one file for each method that searches."""

from levit_edge.bundle.recipe import RangeMethod, Recipe
from levit_edge.errors import QuantizationError
from levit_edge.quantize.calibration.histogram import Histogram
from levit_edge.quantize.ranges.affine import Range
from levit_edge.quantize.ranges.clipping import clipped
from levit_edge.quantize.ranges.entropy import least_entropy_range
from levit_edge.quantize.ranges.mse import least_squares_range

__all__ = ["choose_range"]


def choose_range(histogram: Histogram, recipe: Recipe) -> Range:
    """The range that `recipe` asks for; never wider than what was seen.

    Raises:
        QuantizationError: the histogram is empty.
    """
    if not histogram.counts.any():
        raise QuantizationError("no activations were seen: calibration needs at least one image.")
    match recipe.range_method:
        case RangeMethod.MINMAX:
            return Range(minimum=histogram.minimum, maximum=histogram.maximum)
        case RangeMethod.PERCENTILE:
            fraction = recipe.percentile / 100
            return clipped(histogram, histogram.quantile(1 - fraction), histogram.quantile(fraction))
        case RangeMethod.MSE:
            return least_squares_range(histogram)
        case RangeMethod.ENTROPY:
            return least_entropy_range(histogram)

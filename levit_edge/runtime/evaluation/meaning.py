"""What the interval of a drop means, in words: what the images can tell, and what not."""

from levit_edge.bundle.manifest import ArtifactResult
from levit_edge.text import counted

__all__ = ["meaning"]


def meaning(result: ArtifactResult, samples: int) -> str | None:
    """A sentence about the drop of `result`, over so many images, without its full stop; None if it has none.

    It is as sure as the interval, 95 %.
    """
    if result.drop_pt is None or result.drop_ci95_pt is None:
        return None
    drop, (low, high), images = result.drop_pt, result.drop_ci95_pt, counted(samples, "image")
    if not all(-100 <= each <= 100 for each in (drop, low, high)):  # of a bundle that says what cannot be
        return None
    if low > 0:
        return f"{images} show a drop, of {_points(low)} to {_points(high)} points"
    if high < 0:
        return f"{images} show a gain, of {_points(-high)} to {_points(-low)} points"
    if drop == 0:
        alike = (result.flips_lost, result.flips_gained) == (0, 0)
        what = "each right or wrong as in fp32" if alike else "as many lost as gained"
        return f"{images}, {what}, cannot tell no drop from {_points(high)} points"
    seen, other = (f"drop of {_points(drop)}", "") if drop > 0 else (f"gain of {_points(-drop)}", "a drop of ")
    return f"{images} cannot tell a {seen} points from none, or from {other}{_points(high)}"


def _points(value: float) -> str:
    """Two digits behind the point, or one that counts where these are zeros."""
    return f"{value:.2f}" if value >= 0.005 else f"{value:.1g}"

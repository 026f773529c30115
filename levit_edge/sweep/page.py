"""placeholder"""

from levit_edge.sweep.results import SweepResults


def sweep_page(results: SweepResults) -> str:
    """Soon."""
    return f"<!doctype html>{len(results.candidates)}"

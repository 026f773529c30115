"""Comparisons with other tools; no part of the wheel. Run from the repository: `python -m benchmarks.accuracy`."""

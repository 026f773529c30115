"""The figures of the embedded demo in the documentation are those that `quantize --model demo` has today."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import ArtifactResult, Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.show.tables import verification_table
from tests.conftest import REPOSITORY, Made

DOCUMENTED_ON = "AMD EPYC"
"""Figures of other processors differ by single pictures."""


@pytest.mark.export
def test_the_figures_are_those_of_today(demo_bundle: Made) -> None:
    verification = Bundle.open(demo_bundle[0]).manifest.verification
    assert verification is not None
    if verification.host["processor"] != DOCUMENTED_ON:
        pytest.skip(f"the documented figures are those of {DOCUMENTED_ON}")
    assert not missing(verification, REPOSITORY)


def missing(verification: Verification, root: Path) -> list[str]:
    """Which lines some page should have, and does not."""
    shown = io.StringIO()
    verification_table(verification, Console(width=100, file=shown))
    table = shown.getvalue().splitlines()[: 1 + len(verification.results)]
    expected = [
        (page, pieces) for each in verification.results if each.drop_pt is not None for page, pieces in of(each)
    ]
    expected += [("docs/quickstart.md", [line.rstrip()]) for line in table]
    lines = {page: (root / page).read_text("utf-8").splitlines() for page, _ in expected}
    return [
        f"{page}: {' … '.join(pieces)}"
        for page, pieces in expected
        if not any(all(piece in line for piece in pieces) for line in lines[page])
    ]


def of(result: ArtifactResult) -> list[tuple[str, list[str]]]:
    """What is to be in one line of a page."""
    low, high = result.drop_ci95_pt or (0.0, 0.0)
    top1, agreement = f"| {result.top1:.2f} %", f"| {result.agreement:.2f} % |"
    drop = f"| {result.drop_pt:.2f} pt ({low:+.2f} … {high:+.2f})".replace("-", "−")
    flips = f"{result.flips_gained} gained {agreement} {result.sqnr_db:.1f} dB |"
    found = [("docs/accuracy.md", [f"| `{result.artifact}` {top1}", drop, f"{result.flips_lost} ", flips])]
    if result.precision is Precision.INT8:
        found.append(("README.md", [f"`.{result.artifact.rpartition('.')[2]}` | 69.17 % {top1} {drop} {agreement}"]))
    return found

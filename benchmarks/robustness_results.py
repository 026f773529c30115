"""How recipes hold on images that nobody calibrated for: as a document, and as a table in Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console

from benchmarks.document import Document, show_context

__all__ = ["CLEAN", "Cell", "Robustness", "average_agreement", "show", "table"]

CLEAN = "as they are"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One int8 network on one corruption of the evaluation images, against fp32 on the same."""

    network: str
    corruption: str
    strength: float | None = None
    """See `benchmarks.corruptions.STRENGTHS`; None for images as they are."""
    sqnr_db: float
    agreement: float
    """Percent."""


@dataclass(frozen=True, kw_only=True)
class Robustness(Document):
    """All that the JSON file holds."""

    model: str
    checkpoint_sha256: str
    images: int
    """Evaluated on, in each corruption."""
    calibration_images: dict[str, int]
    """Of each way to calibrate."""
    cells: tuple[Cell, ...]


def average_agreement(robustness: Robustness, network: str) -> float:
    """Percent, over all corruptions and strengths."""
    found = [each.agreement for each in robustness.cells if each.network == network and each.corruption != CLEAN]
    return sum(found) / len(found)


def table(robustness: Robustness) -> Iterator[str]:
    """Lines of Markdown: a row for each network, dB and agreement; each kind's strengths stand together."""
    kinds = list(dict.fromkeys(each.corruption for each in robustness.cells))
    yield f"| calibrated on, dynamic | {' | '.join(kinds)} | corrupted, average |"
    yield f"|{'---|' * (len(kinds) + 2)}"
    for network in dict.fromkeys(each.network for each in robustness.cells):
        cells = (_cell(robustness, network, kind) for kind in kinds)
        yield f"| {network} | {' | '.join(cells)} | {average_agreement(robustness, network):.2f} % |"


def _cell(robustness: Robustness, network: str, kind: str) -> str:
    found = [each for each in robustness.cells if (each.network, each.corruption) == (network, kind)]
    decibels = " / ".join(f"{each.sqnr_db:.1f}" for each in found)
    return f"{decibels} dB, {sum(each.agreement for each in found) / len(found):.1f} %"


def show(robustness: Robustness) -> None:
    """Print what was measured, on what, and the table."""
    console = Console()
    ways = ", ".join(f"{name}: {count}" for name, count in robustness.calibration_images.items())
    show_context(robustness, f"{robustness.model}; {robustness.images} images; calibrated on {ways}", console)
    for line in table(robustness):
        console.print(line, markup=False, highlight=False, soft_wrap=True)

"""From what was built and what was measured to the rows of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.catalogue import OURS_FP32, STOCK_INT8
from benchmarks.speed.contender import Contender, Product
from benchmarks.speed.race import Finish
from benchmarks.speed.results import Row
from benchmarks.speed.statistics import Ratio, latency_of, paired_ratio
from levit_edge.runtime.evaluation.comparison import Comparison

__all__ = ["faithfulness", "make_rows"]

Logits = NDArray[np.float32]


def make_rows(
    contenders: Sequence[Contender],
    built: Mapping[str, Product | str],
    finishes: Mapping[str, Finish],
    expected: Logits,
    threads: int,
) -> list[Row]:
    """One row for each contender, of one pass with so many threads; `expected` are torch's logits."""
    return [_row(each, built[each.key], finishes, expected, threads) for each in contenders]


def _row(
    contender: Contender, product: Product | str, finishes: Mapping[str, Finish], expected: Logits, threads: int
) -> Row:
    row = Row(name=contender.name, runtime=contender.engine, precision=contender.precision, threads=threads)
    if isinstance(product, str):
        return replace(row, reason=product)
    row, finish = replace(row, size_bytes=product.size_bytes, note=product.note), finishes[contender.key]
    if finish.reason:
        return replace(row, reason=finish.reason)
    agreement, sqnr_db = faithfulness(expected, finish.logits)
    return replace(
        row,
        latency=latency_of(finish.rounds),
        to_fp32=_ratio(contender, OURS_FP32, finishes),
        to_stock_int8=_ratio(contender, STOCK_INT8.get(contender.engine), finishes),
        load_ms=finish.load_ms,
        first_ms=finish.first_ms,
        peak_rss_bytes=finish.peak_bytes,
        imported_rss_bytes=finish.imported_bytes,
        agreement=agreement,
        sqnr_db=sqnr_db,
    )


def _ratio(contender: Contender, reference: str | None, finishes: Mapping[str, Finish]) -> Ratio | None:
    """None where the reference takes no part, has failed, or is the contender itself."""
    other = finishes.get(f"{contender.engine}/{reference}")
    if other is None or other.reason or contender.name == reference:
        return None
    return paired_ratio(finishes[contender.key].rounds, other.rounds)


def faithfulness(expected: Logits, found: Logits | None) -> tuple[float | None, float | None]:
    """Agreement in percent and SQNR in dB; None for a file with other outputs."""
    if found is None or found.shape != expected.shape:
        return None, None
    comparison = Comparison()
    for reference, logits in zip(expected, found, strict=True):
        comparison.add(reference, logits)
    return 100 * comparison.same / comparison.samples, comparison.sqnr_db

"""Rows from what was built and measured."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.catalogue import STOCK_INT8
from benchmarks.speed.contender import Contender, Engine, Product, build_with
from benchmarks.speed.race import Finish
from benchmarks.speed.rows import make_rows
from benchmarks.speed.statistics import Ratio

EXPECTED = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
PRODUCT = Product(file=Path("x"), size_bytes=7, note="a note")


def contender(name: str, engine: Engine = Engine.EXECUTORCH) -> Contender:
    return Contender(name=name, engine=engine, precision=None, requires=(), build=build_with("a.b"), process="")


def finish(ms: float, logits: object = EXPECTED, reason: str = "") -> Finish:
    return Finish(
        rounds=[[ms, ms, ms], [2 * ms, 2 * ms, 2 * ms]],
        load_ms=1.0,
        first_ms=2.0,
        peak_bytes=30,
        imported_bytes=20,
        logits=np.asarray(logits, np.float32),
        reason=reason,
    )


def test_rows() -> None:
    stock = STOCK_INT8[Engine.EXECUTORCH]
    finishes = {
        "executorch/ours fp32": finish(8),
        f"executorch/{stock}": finish(4, 1.1 * EXPECTED),
        "executorch/mine": finish(2, [[3, 2, 1], [3, 2, 1]]),
        "onnxruntime/mine": finish(2, [[1, 2], [3, 4]]),
        "executorch/failed": finish(2, reason="failed: it died"),
    }
    contenders = [contender(name) for name in ("ours fp32", stock, "mine", "failed", "absent")]
    contenders.append(contender("mine", Engine.ONNXRUNTIME))
    built: dict[str, Product | str] = {each.key: PRODUCT for each in contenders}
    built["executorch/absent"] = "not installed: x"
    fp32, int8, mine, failed, absent, alone = make_rows(contenders, built, finishes, EXPECTED, threads=2)

    assert fp32.latency is not None
    assert (fp32.latency.median_ms, fp32.threads, fp32.note, fp32.size_bytes) == (12, 2, "a note", 7)
    assert fp32.to_fp32 is None
    assert fp32.to_stock_int8 == Ratio(median=2, p25=2, p75=2)
    assert (fp32.agreement, fp32.sqnr_db) == (100, None)
    assert int8.to_fp32 == Ratio(median=0.5, p25=0.5, p75=0.5)
    assert int8.to_stock_int8 is None
    assert int8.sqnr_db == pytest.approx(20, abs=1e-4)
    assert mine.agreement == 50
    assert (failed.latency, failed.reason, failed.size_bytes) == (None, "failed: it died", 7)
    assert (absent.latency, absent.reason, absent.size_bytes) == (None, "not installed: x", None)
    assert (alone.to_fp32, alone.to_stock_int8, alone.agreement) == (None, None, None)
    assert alone.latency is not None

"""What the Android demo's benchmark activity writes, and whether it is what was asked for.

`android_benchmark.schema.json` is the contract with the app. It is a JSON Schema, for people and for tests; here the
same is checked by dataclasses, so that no validator has to be installed. A test holds the two together.
"""

import json
import re
from dataclasses import dataclass

from levit_edge.benchmark.measurement import Latency
from levit_edge.documents import from_json
from levit_edge.errors import BoardError
from levit_edge.text import text

__all__ = ["AppBenchmark", "AppDevice", "SelfTest", "ThermalStatus", "read_app_benchmark"]

SCHEMA_VERSION = 1
NONCE = re.compile(r"[0-9a-f]{32}")
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_MS = 1e7
LONGEST_TEXT = 200
MOST_DELEGATES = 20
HOTTEST_STATUS = 6
"""THERMAL_STATUS_SHUTDOWN of android.os.PowerManager; 0 is THERMAL_STATUS_NONE."""


@dataclass(frozen=True, kw_only=True)
class AppDevice:
    """Of android.os.Build."""

    manufacturer: str
    model: str
    soc: str | None
    """SOC_MODEL; None before Android 12."""
    android_release: str
    sdk: int
    abi: str
    """That the app runs as, such as arm64-v8a."""

    def __post_init__(self) -> None:
        texts = (self.manufacturer, self.model, self.soc or "", self.android_release, self.abi)
        _require(max(map(len, texts)) <= LONGEST_TEXT, f"no text longer than {LONGEST_TEXT}")
        _require(self.sdk >= 1, "sdk from 1")


@dataclass(frozen=True, kw_only=True)
class ThermalStatus:
    """PowerManager.getCurrentThermalStatus(): 0 not throttled, to 6; None before Android 10."""

    before: int | None
    after: int | None

    def __post_init__(self) -> None:
        for each in (self.before, self.after):
            _require(each is None or 0 <= each <= HOTTEST_STATUS, f"a thermal status from 0 to {HOTTEST_STATUS}")


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """The golden input of the package that is timed, against the golden logits."""

    passed: bool
    max_abs_difference: float

    def __post_init__(self) -> None:
        _require(0 <= self.max_abs_difference <= 1e30, "a difference from 0")


@dataclass(frozen=True, kw_only=True)
class AppBenchmark:
    """One run of the activity. Times in milliseconds, by System.nanoTime, for one image, without preprocessing."""

    schema_version: int
    nonce: str
    """That of the request: an older result is not taken for this one."""
    model_sha256: str
    """Of the .pte that was timed."""
    runs: int
    warmup: int
    threads: int
    load_ms: float
    first_ms: float
    latency_ms: Latency
    delegates: tuple[str, ...]
    """Of the method `forward`, such as XnnpackBackend."""
    thermal_status: ThermalStatus
    device: AppDevice
    executorch_version: str
    self_test: SelfTest

    def __post_init__(self) -> None:
        _require(self.schema_version == SCHEMA_VERSION, f"schema_version {SCHEMA_VERSION}")
        _require(NONCE.fullmatch(self.nonce), "a nonce of 32 hexadecimal digits")
        _require(SHA256.fullmatch(self.model_sha256), "a model_sha256 of 64 hexadecimal digits")
        _require(min(self.runs, self.threads) >= 1 and self.warmup >= 0, "runs and threads from 1, warmup from 0")
        _require(all(0 <= each <= LONGEST_MS for each in (self.load_ms, self.first_ms)), "milliseconds from 0")
        times = (self.latency_ms.p50, self.latency_ms.p90, self.latency_ms.p99, self.latency_ms.min)
        _require(all(0 < each <= LONGEST_MS for each in times), "a latency_ms above 0")
        _require(len(self.delegates) <= MOST_DELEGATES, f"at most {MOST_DELEGATES} delegates")
        texts = (self.executorch_version, *self.delegates)
        _require(max(map(len, texts)) <= LONGEST_TEXT, f"no text longer than {LONGEST_TEXT}")


@dataclass(frozen=True, kw_only=True)
class _AppFailure:
    """What the activity writes when it cannot measure."""

    schema_version: int
    nonce: str
    error: str

    def __post_init__(self) -> None:
        _require(self.schema_version == SCHEMA_VERSION, f"schema_version {SCHEMA_VERSION}")
        _require(NONCE.fullmatch(self.nonce), "a nonce of 32 hexadecimal digits")


def read_app_benchmark(content: bytes, nonce: str, board: str) -> AppBenchmark:
    """The result in `content`, which answers the request `nonce`.

    Raises:
        BoardError: it is not such a document, answers another request, or says that the app failed.
    """
    what = f"{board}: the demo app's result"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BoardError(f"{what} is not JSON ({error}).") from error
    answer: AppBenchmark | _AppFailure
    if isinstance(document, dict) and "error" in document:
        answer = from_json(_AppFailure, document, BoardError, what)
    else:
        answer = from_json(AppBenchmark, document, BoardError, what)
    if answer.nonce != nonce:
        raise BoardError(f"{what} answers another request; run it again.")
    if isinstance(answer, _AppFailure):
        raise BoardError(f"{board}: the demo app could not measure: {text(answer.error, 500)}.")
    times = answer.latency_ms
    if not times.min <= times.p50 <= times.p90 <= times.p99:
        raise BoardError(f"{what} has times that cannot be ({times}), expected min <= p50 <= p90 <= p99.")
    return answer


def _require(holds: object, expected: str) -> None:
    if not holds:
        raise BoardError(f"expected {expected}")

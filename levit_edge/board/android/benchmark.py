"""What the Android demo's benchmark activity writes, and whether it is what was asked for.

`benchmark.schema.json` is the contract with the app. It is a JSON Schema, for people and for tests; here the
same is checked by dataclasses, so that no validator has to be installed. A test holds the two together.
"""

from dataclasses import dataclass
from typing import Annotated

from levit_edge.benchmark.measurement import FromOne, Latency, Milliseconds
from levit_edge.documents import Between, Length, Matching, Sha256, Version, from_json, parse_json
from levit_edge.errors import BoardError
from levit_edge.text import text

__all__ = ["AppBenchmark", "AppDevice", "SelfTest", "ThermalStatus", "read_app_benchmark"]

SCHEMA_VERSION = 1
MOST_DELEGATES = 20
Nonce = Annotated[str, Matching("[0-9a-f]{32}", "32 hexadecimal digits")]
Text = Annotated[str, Length(0, 200)]
Status = Annotated[int, Between(0, 6)]
"""THERMAL_STATUS_NONE to THERMAL_STATUS_SHUTDOWN of android.os.PowerManager."""


@dataclass(frozen=True, kw_only=True)
class AppDevice:
    """The device, as android.os.Build describes it."""

    manufacturer: Text
    model: Text
    soc: Text | None
    """SOC_MODEL; None before Android 12."""
    android_release: Text
    sdk: FromOne
    abi: Text
    """That the app runs as, such as arm64-v8a."""


@dataclass(frozen=True, kw_only=True)
class ThermalStatus:
    """PowerManager.getCurrentThermalStatus(): 0 not throttled, to 6; None before Android 10."""

    before: Status | None
    after: Status | None


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """The golden input of the package that is timed, against the golden logits."""

    passed: bool
    max_abs_difference: Annotated[float, Between(0, 1e30)]


@dataclass(frozen=True, kw_only=True)
class AppBenchmark:
    """One run of the activity. Times in milliseconds, by System.nanoTime, for one image, without preprocessing."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)]
    nonce: Nonce
    """That of the request: an older result is not taken for this one."""
    model_sha256: Sha256
    """SHA-256 of the .pte that was timed."""
    runs: FromOne
    warmup: Annotated[int, Between(0)]
    threads: FromOne
    load_ms: Milliseconds
    first_ms: Milliseconds
    latency_ms: Latency
    delegates: Annotated[tuple[Text, ...], Length(0, MOST_DELEGATES)]
    """The delegates of the method `forward`, such as XnnpackBackend."""
    thermal_status: ThermalStatus
    device: AppDevice
    executorch_version: Text
    self_test: SelfTest


@dataclass(frozen=True, kw_only=True)
class _AppFailure:
    """What the activity writes when it cannot measure."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)]
    nonce: Nonce
    error: str


def read_app_benchmark(content: bytes, nonce: str, board: str) -> AppBenchmark:
    """The result in `content`, which answers the request `nonce`.

    Raises:
        BoardError: it is not such a document, answers another request, or says that the app failed.
    """
    what = f"{board}: the demo app's result"
    document = parse_json(content, BoardError, what)
    answer: AppBenchmark | _AppFailure
    if isinstance(document, dict) and "error" in document:
        answer = from_json(_AppFailure, document, BoardError, what)
    else:
        answer = from_json(AppBenchmark, document, BoardError, what)
    if answer.nonce != nonce:
        raise BoardError(f"{what} answers another request; run it again.")
    if isinstance(answer, _AppFailure):
        raise BoardError(f"{board}: the demo app could not measure: {text(answer.error, 500)}.")
    return answer

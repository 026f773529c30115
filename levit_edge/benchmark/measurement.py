"""What a measurement on a board says: the dataclasses of the JSON of `levit-edge bench`.

Times in milliseconds, sizes in bytes, frequencies in MHz, temperatures in degrees Celsius.
"""

from dataclasses import dataclass, field
from typing import Annotated, Self

from levit_edge.benchmark.profile import Profile
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.documents import Between, Length
from levit_edge.errors import MeasurementError

__all__ = [
    "ArtifactTimes",
    "BoardState",
    "CoreGroup",
    "Device",
    "EmulatedInference",
    "GoldenCheck",
    "Latency",
    "LatencyGate",
    "Measurement",
    "ModelUnderTest",
    "SpeedUp",
    "Sustained",
    "SustainedPoint",
]

SCHEMA_VERSION = 1
MOST_RESULTS = 10_000
FromOne = Annotated[int, Between(1)]
Milliseconds = Annotated[float, Between(0, 1e7)]


@dataclass(frozen=True, kw_only=True)
class CoreGroup:
    """Cores of one kind with one highest frequency."""

    name: str
    """Such as `Cortex-A76`; of a part that is not in `levit_edge.device.processors` its numbers."""
    count: FromOne
    max_mhz: float | None
    """None where the system does not tell."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """What the board is. Nothing in it names its owner: no host name, no address, no serial number."""

    model: str
    """Such as `Raspberry Pi 5 Model B Rev 1.0`; `unknown` where the system does not tell."""
    architecture: str
    cores: tuple[CoreGroup, ...]
    """The kind with the highest frequency first."""
    usable_cores: FromOne
    """That the agent was allowed to use."""
    features: tuple[str, ...]
    """Those that decide the speed of int8 and that all cores have: on aarch64 among asimd, asimddp, i8mm, sve, sve2,
    bf16, asimdhp, sme; on 32-bit ARM among neon, asimddp, i8mm, asimdbf16, asimdhp; on x86-64 among avx2, avx_vnni,
    avx512f, avx512_vnni, amx_int8; in browsers simd128."""
    memory_bytes: int
    """0 where the system does not tell."""
    system: str
    """Such as `Debian GNU/Linux 12 (bookworm)`."""
    kernel: str
    """Such as `6.12.0`; of a browser its name and version."""
    python: str
    """Empty where none runs."""
    emulator: str | None = None
    """Such as `qemu-user, cortex-a76`: then times say nothing about any board."""


@dataclass(frozen=True, kw_only=True)
class BoardState:
    """What changes while a board works. Empty where the system does not tell."""

    governors: tuple[str, ...] = ()
    """The governors of all cores, each named once."""
    mhz: tuple[float, ...] = ()
    """The clock of each core, now."""
    temperatures: dict[str, float] = field(default_factory=dict)
    """By the name of the thermal zone."""
    throttled: bool | None = None
    """Raspberry Pi's firmware says that it limits the clock now; None where nothing tells."""
    load_average: float | None = None
    """Over one minute."""
    available_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Over all timed runs, milliseconds for one image."""

    p50: Milliseconds
    p90: Milliseconds
    p99: Milliseconds
    min: Milliseconds

    def __post_init__(self) -> None:
        if not 0 < self.min <= self.p50 <= self.p90 <= self.p99:
            found = f"{self.min:g}, {self.p50:g}, {self.p90:g}, {self.p99:g}"
            raise MeasurementError(f"it has times that are not 0 < min <= p50 <= p90 <= p99: {found}.")


@dataclass(frozen=True, kw_only=True)
class GoldenCheck:
    """What a file gave on the board for the bundle's golden inputs, against what it gave where it was made."""

    images: int
    same_top1: int
    sqnr_db: float | None
    """None if the logits are the same, bit for bit."""


@dataclass(frozen=True, kw_only=True)
class ArtifactTimes:
    """One file with one number of threads."""

    artifact: str
    runtime: Runtime
    precision: Precision
    size_bytes: FromOne
    threads: FromOne
    package: str = ""
    """What ran it, such as `executorch-numpy-runtime 1.4.0`."""
    runs: int = 0
    load_ms: float | None = None
    """From the file to a model that can run; the runtime is imported before."""
    first_ms: float | None = None
    """The first run."""
    latency_ms: Latency | None = None
    images_per_second: float | None = None
    """1000 / p50."""
    peak_rss_bytes: int | None = None
    """The peak memory of the whole process: Python, numpy, the runtime and the model."""
    model_rss_bytes: int | None = None
    """The part of it that came after the runtime was imported."""
    golden: GoldenCheck | None = None
    error: str = ""
    """Why there are no times."""

    @classmethod
    def of(cls, artifact: Artifact, threads: int, error: str = "") -> Self:
        """The row without times."""
        return cls(
            artifact=artifact.file,
            runtime=artifact.runtime,
            precision=artifact.precision,
            size_bytes=artifact.size_bytes,
            threads=threads,
            error=error,
        )


@dataclass(frozen=True, kw_only=True)
class EmulatedInference:
    """What one inference of a file executes on an emulated processor, in one thread."""

    artifact: str
    kernel_sites: dict[str, int] | None = None
    """The kernels of an int8 file: int8 instruction, such as `sdot`, -> in how many places of the executed code it
    stands; see `levit_edge.board.emulation.kernels`."""
    million_instructions: float | None = None
    """The instructions of the thread that infers; None without a qemu that counts. Differences below 3 % are noise."""


@dataclass(frozen=True, kw_only=True)
class SpeedUp:
    """fp32's time over int8's, in turns that followed each other: median and quartiles over the rounds."""

    runtime: Runtime
    precision: Precision = Precision.INT8
    """Of the int8 file."""
    threads: int
    median: float
    p25: float
    p75: float

    def __post_init__(self) -> None:
        if not 0 < self.p25 <= self.median <= self.p75:
            found = f"{self.p25:g}, {self.median:g}, {self.p75:g}"
            raise MeasurementError(f"the speed-up of {self.runtime} has quartiles that are none: {found}.")


@dataclass(frozen=True, kw_only=True)
class SustainedPoint:
    """One stretch of continuous work."""

    seconds: float
    """Since it began, at the end of the stretch."""
    p50_ms: float
    mhz: tuple[float, ...] = ()
    hottest: float | None = None


@dataclass(frozen=True, kw_only=True)
class Sustained:
    """Continuous work with one file."""

    artifact: str
    threads: int
    points: tuple[SustainedPoint, ...]
    slowdown: float
    """Median of the last fifth over that of the first fifth: above 1 the board slows down."""


@dataclass(frozen=True, kw_only=True)
class LatencyGate:
    """The latency gate: the median of the fastest int8 row, with float16 or without, against a limit."""

    max_latency_ms: float | None = None
    passed: bool | None = None
    """None when there was no gate."""


@dataclass(frozen=True, kw_only=True)
class ModelUnderTest:
    """What was measured."""

    name: str
    """Such as `LeViT-128S`."""
    classes: FromOne
    image_size: FromOne
    manifest_sha256: str


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A bundle on one board."""

    schema_version: int = SCHEMA_VERSION
    levit_edge_version: str
    created_utc: str
    target: str
    """As it was asked for; `ssh` or `adb` alone in a file made to be shared, see `shareable`."""
    bundle: str
    model: ModelUnderTest
    device: Device
    before: BoardState
    after: BoardState
    rounds: FromOne
    runs: FromOne
    """Timed runs of each file in each round."""
    warm_up: int
    results: Annotated[tuple[ArtifactTimes, ...], Length(1, MOST_RESULTS)]
    left_out: dict[str, str] = field(default_factory=dict)
    """Files that are not for such a processor -> why, and what to use."""
    speedups: tuple[SpeedUp, ...] = ()
    findings: tuple[str, ...] = ()
    """What limits the speed, as far as the board told: see `levit_edge.benchmark.diagnosis`."""
    sustained: Sustained | None = None
    gate: LatencyGate = LatencyGate()
    emulated: tuple[EmulatedInference, ...] = ()
    """On a processor that was emulated on this machine."""
    profiles: Annotated[tuple[Profile, ...], Length(0, MOST_RESULTS)] = ()
    """Where the time goes, where that was asked for: one for each file that was timed and number of threads."""

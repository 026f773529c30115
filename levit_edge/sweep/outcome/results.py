"""What came of a sweep: the dataclasses of `results.json`.

Accuracies are in percent, drops in percentage points, sizes in bytes, times in milliseconds where a name says so.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated

from levit_edge.benchmark.measurement import Device, Latency
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact, ArtifactResult, Verification
from levit_edge.documents import Count, Length, Version
from levit_edge.sweep.plan import SweepPlan

__all__ = ["Candidate", "SweepResults", "TaskCounts", "merged_hosts"]

SCHEMA_VERSION = 1
MOST_CANDIDATES = 20_000
"""More than a document of the size that is read has, if they are real."""
FILES = len(Runtime) * len(Precision)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One checkpoint quantized by one recipe."""

    checkpoint: str
    """Its name in the sweep."""
    recipe: str
    """Its name in the plan."""
    source: str = ""
    """Where the checkpoint is."""
    size: str = ""
    """Such as 128S; empty for one that could not be read, as what follows."""
    classes: int | None = None
    checkpoint_sha256: str = ""
    artifacts: Annotated[tuple[Artifact, ...], Length(0, FILES)] = ()
    """Its files; none if they could not be made."""
    verification: Verification | None = None
    """None without evaluation images, and if not all shards could be evaluated."""
    latency: dict[str, Latency] = field(default_factory=dict)
    """The latency of its files, one thread, where the plan said."""
    problems: tuple[str, ...] = ()
    """What failed, in words."""
    warnings: tuple[str, ...] = ()
    """What a user should know of checkpoint and images before believing the figures."""
    within_gates: bool | None = None
    """None if there are no gates, or if none is missed and one could not be judged."""
    front: tuple[Runtime, ...] = ()
    """The runtimes in which no other candidate of this checkpoint is better in one and not worse in the other of drop
    and latency (size, where no latency was measured)."""
    winner: bool = False
    """Whether it is the plan's choice for this checkpoint."""

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.checkpoint} × {self.recipe}"

    def artifact(self, runtime: Runtime, precision: Precision = Precision.INT8) -> Artifact | None:
        """One of its files; None if it has none."""
        return next((a for a in self.artifacts if (a.runtime, a.precision) == (runtime, precision)), None)

    def result(self, runtime: Runtime, precision: Precision = Precision.INT8) -> ArtifactResult | None:
        """What one of its files did; None if it was not evaluated."""
        results = self.verification.results if self.verification else ()
        return next((r for r in results if (r.runtime, r.precision) == (runtime, precision)), None)

    def figures(self, artifact: Artifact) -> ArtifactResult:
        """What one of its files did; the size alone if it was not evaluated."""
        file, runtime, precision = artifact.file, artifact.runtime, artifact.precision
        blank = ArtifactResult(artifact=file, runtime=runtime, precision=precision, size_bytes=artifact.size_bytes)
        return self.result(runtime, precision) or blank

    def top1_among_present(self, artifact: Artifact) -> float | None:
        """The top-1 of one of its files among the classes that the images have; None if these are all, or unknown."""
        among = self.verification.among_present if self.verification else None
        return None if among is None else among.top1.get(artifact.file)

    def latency_ms(self, artifact: Artifact) -> float | None:
        """The median time of one image in one of its files; None if it was not measured."""
        latency = self.latency.get(artifact.file)
        return latency.p50 if latency else None


@dataclass(frozen=True, kw_only=True)
class TaskCounts:
    """The tasks of one kind."""

    done: int = 0
    """By this run."""
    reused: int = 0
    """Whose results were in the store."""
    failed: int = 0
    retried: int = 0
    """Attempts that failed and were followed by another."""
    seconds: float = 0.0
    """That those done by this run took, added up."""


@dataclass(frozen=True, kw_only=True)
class SweepResults:
    """`results.json`."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)] = SCHEMA_VERSION
    levit_edge_version: str
    created_utc: str
    plan: SweepPlan
    environment: dict[str, str]
    """Versions, and the processors of the workers."""
    engine: str
    """What ran the tasks, in words."""
    seconds: float
    """The duration of this run, from its beginning to its end."""
    tasks: dict[str, TaskCounts]
    """Kind -> counts."""
    candidates: Annotated[tuple[Candidate, ...], Length(0, MOST_CANDIDATES)]
    """Checkpoint after checkpoint, the recipes in the plan's order."""
    device: Device | None = None
    """What the latencies are of."""
    passed_over: dict[str, dict[str, Count]] = field(default_factory=dict)
    """Source of images -> how many of its files were not read, by what they are; of folders, and local archives."""

    @property
    def by_checkpoint(self) -> dict[str, list[Candidate]]:
        """Name of the checkpoint -> its candidates."""
        found: dict[str, list[Candidate]] = {}
        for each in self.candidates:
            found.setdefault(each.checkpoint, []).append(each)
        return found

    @property
    def warnings(self) -> dict[str, list[str]]:
        """What a user should know -> the checkpoints of which it is to be said."""
        found: dict[str, list[str]] = {}
        for name, candidates in self.by_checkpoint.items():
            for warning in dict.fromkeys(warning for each in candidates for warning in each.warnings):
                found.setdefault(warning, []).append(name)
        return found

    @property
    def pairings(self) -> dict[str, list[str]]:
        """How labels were paired with outputs, in words -> the checkpoints of which that is so."""
        return self._said(lambda found: None if found.classes is None else found.classes.sentence)

    @property
    def poor_fp32(self) -> dict[str, list[str]]:
        """Why fp32's accuracy cannot be right -> the checkpoints of which that is so."""
        return self._said(lambda found: found.poor_fp32)

    @property
    def not_run(self) -> dict[str, list[str]]:
        """Why files could not be run where they were evaluated -> the checkpoints of which that is so."""
        return self._said(lambda found: "; ".join(dict.fromkeys(found.not_run.values())) or None)

    def _said(self, of: Callable[[Verification], str | None]) -> dict[str, list[str]]:
        """What is to be said of verifications -> the checkpoints of which it is, each once."""
        found: dict[str, list[str]] = {}
        for name, candidates in self.by_checkpoint.items():
            said = (of(each.verification) for each in candidates if each.verification)
            for sentence in dict.fromkeys(filter(None, said)):
                found.setdefault(sentence, []).append(name)
        return found

    @property
    def classes_present(self) -> int | None:
        """How many classes the images have, where that is not all of some network's."""
        verified = (each.verification.among_present for each in self.candidates if each.verification)
        return next((among.classes for among in verified if among is not None), None)

    @property
    def problems(self) -> dict[str, list[str]]:
        """Problem -> the titles of the candidates that have it."""
        found: dict[str, list[str]] = {}
        for each in self.candidates:
            for problem in each.problems:
                found.setdefault(problem, []).append(each.title)
        return found


def merged_hosts(hosts: Iterable[dict[str, str]]) -> dict[str, str]:
    """One description of all hosts: what differs is listed."""
    hosts = tuple(hosts)
    keys = dict.fromkeys(key for host in hosts for key in host)
    return {key: ", ".join(dict.fromkeys(host[key] for host in hosts if key in host)) for key in keys}

"""From one checkpoint to its candidates: which task follows on which."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from levit_edge.benchmark.measurement import Measurement
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import Artifact, Verification
from levit_edge.bundle.recipe import Recipe
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError, SweepError
from levit_edge.runtime.evaluation.evaluator import THREADS
from levit_edge.runtime.evaluation.tally import Tallies, Tally, gate
from levit_edge.sweep.inputs.calibration_files import choose_calibration
from levit_edge.sweep.inputs.images import Images, LabelledShard
from levit_edge.sweep.outcome.results import Candidate
from levit_edge.sweep.plan import SweepPlan
from levit_edge.sweep.tasks.calibrate_task import calibration_part
from levit_edge.sweep.tasks.call import Call
from levit_edge.sweep.tasks.evaluate_task import Evaluated
from levit_edge.sweep.tasks.facts import Calibrated, CheckpointFacts, CheckpointPlace, Quantized
from levit_edge.sweep.tasks.runner import Runner, TaskFailedError

__all__ = ["Made", "NamedCheckpoint", "make_candidates"]

MIB = 1 << 20
EVALUATION_BYTES, BYTES_PER_FILE_BYTE = 1024 * MIB, 4
"""Memory that a task takes which runs finished files: the runtimes and an image, and the files, loaded."""


@dataclass(frozen=True, kw_only=True)
class NamedCheckpoint:
    """A checkpoint of the plan under a name of its own."""

    name: str
    place: CheckpointPlace
    resize: int | None


@dataclass(frozen=True, kw_only=True)
class Made:
    """A candidate, and where the files of its bundle are."""

    candidate: Candidate
    resize: int | None = None
    facts: CheckpointFacts | None = None
    calibrated: Calibrated | None = None
    quantized: Quantized | None = None
    blobs: dict[str, str] | None = None
    """File of the bundle -> SHA-256 in the store."""
    latency: Measurement | None = None


@dataclass(frozen=True)
class _Work:
    """Everything that the tasks of all checkpoints have in common."""

    plan: SweepPlan
    runner: Runner
    calibration: Images
    evaluation: Images

    def call(self, kind: str, subject: str, inputs: dict[str, Any], places: dict[str, Any], share: int = 1) -> Call:
        """A call with one piece; it may take 1 / `share` of the plan's memory."""
        limits = self.plan.limits
        return Call(
            kind=kind,
            subject=subject,
            pieces={"": inputs},
            places=places,
            memory_bytes=limits.memory_mib * MIB // share,
            seconds=limits.seconds,
        )


async def make_candidates(
    checkpoint: NamedCheckpoint, plan: SweepPlan, runner: Runner, calibration: Images, evaluation: Images
) -> tuple[Made, ...]:
    """Quantize one checkpoint by all recipes of the plan, and evaluate what came of it.

    What fails is a problem of the candidates that need it, and of no others.

    Raises:
        SweepError: the engine or the store is lost.
    """
    work = _Work(plan, runner, calibration, evaluation)
    blank = [Candidate(checkpoint=checkpoint.name, recipe=name, source=checkpoint.place.shown) for name in plan.recipes]
    place = to_json(checkpoint.place)
    try:
        found = await runner.result(work.call("identify", checkpoint.name, place, {}, share=2))
    except TaskFailedError as error:
        return tuple(Made(candidate=replace(each, problems=(str(error),))) for each in blank)
    facts = from_json(CheckpointFacts, found.value, SweepError, "a result of the store")
    known = [
        replace(
            each,
            size=facts.config.name,
            classes=facts.config.classes,
            checkpoint_sha256=facts.provenance.sha256,
        )
        for each in blank
    ]
    made = await asyncio.gather(*(_quantized(each, checkpoint, facts, work) for each in known))
    return tuple(await _evaluated(made, checkpoint, facts, work))


async def _quantized(candidate: Candidate, checkpoint: NamedCheckpoint, facts: CheckpointFacts, work: _Work) -> Made:
    recipe = work.plan.recipes[candidate.recipe]
    network = {"checkpoint": facts.provenance.sha256, "config": to_json(facts.config)}
    places = {"checkpoint": to_json(checkpoint.place)}
    preprocessing = to_json(facts.preprocessing(checkpoint.resize))
    floats = work.call("export", checkpoint.name, network | {"onnx_attention": str(recipe.onnx_attention)}, places)
    try:
        fp32, plan = await asyncio.gather(
            work.runner.result(floats),
            work.runner.result(_calibration(checkpoint, recipe, network | {"preprocessing": preprocessing}, work)),
        )
        inputs = network | {
            "preprocessing": preprocessing,
            "recipe": to_json(recipe),
            "fp32": fp32.blobs,
            "calibration": plan.blobs,
        }
        subject = f"{checkpoint.name} × {candidate.recipe}"
        result = await work.runner.result(work.call("quantize", subject, inputs, places))
    except (TaskFailedError, DataError) as error:
        return Made(candidate=replace(candidate, problems=(str(error),)), facts=facts)
    quantized = from_json(Quantized, result.value, SweepError, "a result of the store")
    return Made(
        candidate=replace(candidate, artifacts=quantized.artifacts),
        resize=checkpoint.resize,
        facts=facts,
        calibrated=from_json(Calibrated, plan.value, SweepError, "a result of the store"),
        quantized=quantized,
        blobs=result.blobs,
    )


def _calibration(checkpoint: NamedCheckpoint, recipe: Recipe, inputs: dict[str, Any], work: _Work) -> Call:
    """The call that calibrates for `recipe` and those like it.

    Raises:
        DataError: a shard cannot be read, or there are fewer images than the recipe takes.
    """
    images, part = work.calibration, calibration_part(recipe)
    if images.problems:
        raise DataError(f"calibration images: {'; '.join(images.problems)}")
    chosen = choose_calibration(images.listing.source, images.indices, part.calibration_images, part.seed)
    of_shards = {each.shard for each in chosen}
    return work.call(
        "calibrate",
        checkpoint.name,
        inputs
        | {
            "recipe": to_json(part),
            "images": [[each.name, each.image.sha256] for each in chosen],
            "skip_bad_images": work.plan.calibration.skip_bad_images,
        },
        {
            "checkpoint": to_json(checkpoint.place),
            "source": images.listing.source,
            "shards": [to_json(each.shard) for each in images.shards if each.shard.name in of_shards],
            "images": [to_json(each) for each in chosen],
        },
    )


async def _evaluated(
    made: Sequence[Made], checkpoint: NamedCheckpoint, facts: CheckpointFacts, work: _Work
) -> list[Made]:
    """Those of `made` that have files with what these did, the others as they are."""
    try:
        shards = work.evaluation.labelled(facts.config.classes)
    except DataError as error:
        return [_with_problems(each, [str(error)]) for each in made]
    on_shards = await asyncio.gather(*(_on_shard(each, made, checkpoint, facts, work) for each in shards))
    return [_verified(each, on_shards, work) for each in made]


async def _on_shard(
    shard: LabelledShard,
    made: Sequence[Made],
    checkpoint: NamedCheckpoint,
    facts: CheckpointFacts,
    work: _Work,
) -> dict[str, Evaluated | str]:
    """What each file did on one shard, by its SHA-256, or why that is not known.

    Files with the same fp32 twins share a task: it decodes each image once and runs the twins once.
    """
    preprocessing = to_json(facts.preprocessing(checkpoint.resize))
    found: dict[str, Evaluated | str] = {}
    for artifacts in _with_same_twins(made):
        pieces = {}
        for each in artifacts:
            (twin,) = (a for a in artifacts if a.runtime is each.runtime and a.precision is Precision.FP32)
            pieces[each.sha256] = {
                "artifact": each.sha256,
                "compared with": twin.sha256,
                "runtime": str(each.runtime),
                "images": shard.digest,
                "preprocessing": preprocessing,
                "classes": facts.config.classes,
                "skip_bad_images": work.plan.evaluation.skip_bad_images,
            }
        places = {
            "artifacts": to_json(artifacts),
            "shard": shard.blob,
            "labels": shard.labels,
            "preprocessing": preprocessing,
            "classes": facts.config.classes,
            "skip_bad_images": work.plan.evaluation.skip_bad_images,
        }
        subject = f"{checkpoint.name} on {shard.name}"
        memory = EVALUATION_BYTES + BYTES_PER_FILE_BYTE * sum(each.size_bytes for each in artifacts)
        call = replace(work.call("evaluate", subject, {}, places), pieces=pieces, memory_bytes=memory)
        try:
            results = await work.runner.results(call)
        except TaskFailedError as error:
            found |= dict.fromkeys(pieces, str(error))
        else:
            found |= {
                sha256: from_json(Evaluated, result.value, SweepError, "a result of the store")
                for sha256, result in results.items()
            }
    return found


def _with_same_twins(made: Sequence[Made]) -> list[tuple[Artifact, ...]]:
    """All files, each once, in groups that have the same fp32 files; those first."""
    groups: dict[tuple[Artifact, ...], dict[str, Artifact]] = {}
    for each in made:
        twins = tuple(a for a in each.candidate.artifacts if a.precision is Precision.FP32)
        if twins:
            group = groups.setdefault(twins, {twin.sha256: twin for twin in twins})
            group |= {a.sha256: a for a in each.candidate.artifacts if a.sha256 not in group}
    return [tuple(group.values()) for group in groups.values()]


def _verified(made: Made, on_shards: Sequence[dict[str, Evaluated | str]], work: _Work) -> Made:
    """`made` with the verification that `runtime.evaluation.verify` gives for all shards together, if all are there."""
    artifacts, images = made.candidate.artifacts, work.evaluation
    if not artifacts:
        return made
    ours = [shard[each.sha256] for shard in on_shards for each in artifacts]
    problems = [*images.problems, *dict.fromkeys(each for each in ours if isinstance(each, str))]
    if problems:
        done = len(on_shards) - sum(any(isinstance(s[a.sha256], str) for a in artifacts) for s in on_shards)
        return _with_problems(
            made, [*problems, f"evaluated on {done} of {len(images.listing.shards)} shards: no figures are given."]
        )
    tallies = Tallies(artifacts)
    evaluated = [each for each in ours if isinstance(each, Evaluated)]
    for place, each in enumerate(evaluated):
        tallies.by_artifact[artifacts[place % len(artifacts)]].merge(Tally.from_json(each.tally))
    skipped = [frozenset(each.skipped) for each in evaluated[:: len(artifacts)]]
    provenance = images.provenance(skipped)
    results = tallies.results()
    max_drop_pt = work.plan.gates.max_drop_pt
    return replace(
        made,
        candidate=replace(
            made.candidate,
            verification=Verification(
                samples=provenance.count,
                labelled=any(result.top1 is not None for result in results),
                images=provenance,
                runtimes={str(a.runtime): each.runtime for a, each in zip(artifacts, evaluated, strict=False)},
                host=_merged([each.host for each in evaluated]),
                threads=THREADS,
                gate=gate(results, max_drop_pt),
                results=results,
            ),
        ),
    )


def _with_problems(made: Made, problems: Sequence[str]) -> Made:
    return replace(made, candidate=replace(made.candidate, problems=(*made.candidate.problems, *problems)))


def _merged(hosts: Sequence[dict[str, str]]) -> dict[str, str]:
    """One description of all hosts: what differs is listed."""
    keys = dict.fromkeys(key for host in hosts for key in host)
    return {key: ", ".join(dict.fromkeys(host[key] for host in hosts if key in host)) for key in keys}

"""From one checkpoint to its candidates: which task follows on which."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from levit_edge.benchmark.measurement import Measurement
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.options import PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import BundleError, CheckpointError, DataError
from levit_edge.quantize.prepare import choose_preprocessing, made_to_size
from levit_edge.runtime.evaluation.tally import PresentTally, Tallies
from levit_edge.runtime.runner import runtime_version
from levit_edge.sweep.inputs.calibration_files import choose_calibration
from levit_edge.sweep.inputs.checkpoint_files import keep_files
from levit_edge.sweep.inputs.images import Images, LabelledShard
from levit_edge.sweep.outcome.results import Candidate, merged_hosts
from levit_edge.sweep.plan import SweepPlan
from levit_edge.sweep.tasks.calibrate_task import Calibrate, calibration_part
from levit_edge.sweep.tasks.call import Call
from levit_edge.sweep.tasks.evaluate_task import Evaluate, Evaluated
from levit_edge.sweep.tasks.identity import Calibrated, CheckpointIdentity, CheckpointPlace, Network, Quantized
from levit_edge.sweep.tasks.network_tasks import Export, Identify
from levit_edge.sweep.tasks.quantize_task import Quantize
from levit_edge.sweep.tasks.runner import Runner, TaskFailedError
from levit_edge.sweep.tasks.store import Store
from levit_edge.text import counted

__all__ = ["BuiltCandidate", "NamedCheckpoint", "make_candidates"]

EVALUATION_BYTES, BYTES_PER_FILE_BYTE = 1 << 30, 4
"""Memory that a task takes which runs finished files: the runtimes and an image, and the files, loaded."""


@dataclass(frozen=True, kw_only=True)
class NamedCheckpoint:
    """A checkpoint of the plan under a name of its own."""

    name: str
    place: CheckpointPlace
    preprocessing: PreprocessingChanges
    """What is otherwise than it says itself."""
    fetched: Path | None = None
    """Where this machine has it, if it is of the hub."""

    def kept_in(self, store: Store) -> "NamedCheckpoint":
        """As workers read it, who may be elsewhere: a model of the hub from the store."""
        if self.fetched is None:
            return self
        return replace(self, place=replace(self.place, files=keep_files(self.fetched, store)))


@dataclass(frozen=True, kw_only=True)
class BuiltFiles:
    """What a candidate's bundle is made of."""

    facts: CheckpointIdentity
    preprocessing: Preprocessing
    preprocessing_origin: str
    preprocessing_changes: PreprocessingChanges
    evaluation: Images
    """Whose labels name the classes of networks that name none."""
    calibrated: Calibrated
    quantized: Quantized
    blobs: dict[str, str]
    """File of the bundle -> SHA-256 in the store."""


@dataclass(frozen=True, kw_only=True)
class BuiltCandidate:
    """A candidate, and where the files of its bundle are, if they could be made."""

    candidate: Candidate
    files: BuiltFiles | None = None
    latency: Measurement | None = None

    def with_problems(self, *problems: str) -> "BuiltCandidate":
        """With these besides those that it has."""
        return replace(self, candidate=replace(self.candidate, problems=(*self.candidate.problems, *problems)))


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Everything that the tasks of one checkpoint have in common, once it is identified."""

    checkpoint: NamedCheckpoint
    facts: CheckpointIdentity
    preprocessing: Preprocessing
    preprocessing_origin: str
    plan: SweepPlan
    runner: Runner
    calibration: Images
    evaluation: Images

    @property
    def network(self) -> Network:
        """The checkpoint as tasks take it."""
        weights = self.facts.provenance
        return Network(
            checkpoint=self.checkpoint.place, sha256=weights.sha256, entry=weights.entry, config=self.facts.config
        )


async def make_candidates(
    checkpoint: NamedCheckpoint, plan: SweepPlan, runner: Runner, calibration: Images, evaluation: Images
) -> tuple[BuiltCandidate, ...]:
    """Quantize one checkpoint by all recipes of the plan, and evaluate what came of it.

    What fails is a problem of the candidates that need it, and of no others.

    Raises:
        SweepError: the engine or the store is lost.
    """
    blank = [Candidate(checkpoint=checkpoint.name, recipe=name, source=checkpoint.place.shown) for name in plan.recipes]
    limits, task = plan.limits, Identify(checkpoint=checkpoint.place)
    try:
        found = await runner.result(Call.within(limits, task, checkpoint.name, limits.memory_bytes // 2))
    except TaskFailedError as error:
        return tuple(BuiltCandidate(candidate=each).with_problems(str(error)) for each in blank)
    facts = found.read(CheckpointIdentity)
    config, sha256 = facts.config, facts.provenance.sha256
    blank = [
        replace(each, size=config.name, classes=config.classes, checkpoint_sha256=sha256, warnings=facts.warnings)
        for each in blank
    ]
    try:
        preprocessing, origin = choose_preprocessing(config, facts.preprocessing_origin, checkpoint.preprocessing)
    except (BundleError, CheckpointError, DataError) as error:
        return tuple(
            BuiltCandidate(candidate=each).with_problems(f"{checkpoint.place.shown}: {error}") for each in blank
        )
    said = _made_to_size(checkpoint, preprocessing, (calibration, evaluation))
    blank = [replace(each, warnings=(*each.warnings, *said)) for each in blank]
    work = _Work(
        checkpoint=checkpoint,
        facts=facts,
        preprocessing=preprocessing,
        preprocessing_origin=origin,
        plan=plan,
        runner=runner,
        calibration=calibration,
        evaluation=evaluation,
    )
    built = await asyncio.gather(*(_quantized(each, work) for each in blank))
    return tuple(await _evaluated(built, work))


def _made_to_size(checkpoint: NamedCheckpoint, preprocessing: Preprocessing, sources: Sequence[Images]) -> list[str]:
    """What to say of images that are as large as what the network sees, and are enlarged and cut without being told."""
    size = preprocessing.image_size
    if checkpoint.preprocessing.sizes_images or preprocessing.resize == size:
        return []
    advice = f"set resize = {size} for its checkpoint in the plan"
    named = dict.fromkeys(each.listing.source for each in sources if each.side == size)
    return [made_to_size(source, preprocessing, advice) for source in named]


async def _quantized(candidate: Candidate, work: _Work) -> BuiltCandidate:
    recipe = work.plan.recipes[candidate.recipe]
    network, name = work.network, work.checkpoint.name
    limits, result_of = work.plan.limits, work.runner.result
    try:
        calibration = _calibration(recipe, work)
        fp32, plan = await asyncio.gather(
            result_of(Call.within(limits, Export(network=network, onnx_attention=recipe.onnx_attention), name)),
            result_of(Call.within(limits, calibration, name)),
        )
        task = Quantize(
            network=network,
            preprocessing=work.preprocessing,
            recipe=recipe,
            fp32=fp32.blobs,
            calibration=plan.blobs,
        )
        result = await result_of(Call.within(limits, task, candidate.title))
    except (TaskFailedError, DataError) as error:
        return BuiltCandidate(candidate=candidate).with_problems(str(error))
    quantized, calibrated = result.read(Quantized), plan.read(Calibrated)
    return BuiltCandidate(
        candidate=replace(
            candidate,
            artifacts=quantized.artifacts,
            warnings=(*candidate.warnings, *filter(None, (calibrated.warning,))),
        ),
        files=BuiltFiles(
            facts=work.facts,
            preprocessing=work.preprocessing,
            preprocessing_origin=work.preprocessing_origin,
            preprocessing_changes=work.checkpoint.preprocessing,
            evaluation=work.evaluation,
            calibrated=replace(calibrated, images=work.calibration.placed(calibrated.images)),
            quantized=quantized,
            blobs=result.blobs,
        ),
    )


def _calibration(recipe: Recipe, work: _Work) -> Calibrate:
    """The task that calibrates for `recipe` and those like it.

    Raises:
        DataError: a shard cannot be read, or there are fewer images than the recipe takes.
    """
    images, part = work.calibration, calibration_part(recipe)
    if images.problems:
        raise DataError(f"calibration images: {'; '.join(images.problems)}")
    chosen = choose_calibration(images.listing.source, images.indices, part.calibration_images, part.seed)
    of_shards = {each.shard for each in chosen}
    return Calibrate(
        network=work.network,
        preprocessing=work.preprocessing,
        recipe=part,
        skip_bad_images=work.plan.calibration.skip_bad_images,
        shards=tuple(each.shard for each in images.indices if each.shard.name in of_shards),
        images=chosen,
    )


async def _evaluated(built: Sequence[BuiltCandidate], work: _Work) -> list[BuiltCandidate]:
    """Those of `built` that have files with what these did, the others as they are."""
    try:
        shards = work.evaluation.labelled(work.facts.classes)
    except DataError as error:
        return [each.with_problems(str(error)) for each in built]
    on_shards = await asyncio.gather(*(_on_shard(each, built, work) for each in shards))
    return [_verified(each, on_shards, work) for each in built]


async def _on_shard(shard: LabelledShard, built: Sequence[BuiltCandidate], work: _Work) -> dict[str, Evaluated | str]:
    """What each file did on one shard, by its SHA-256, or why that is not known.

    Files with the same fp32 twins share a task: it decodes each image once and runs the twins once.
    """
    found: dict[str, Evaluated | str] = {}
    for artifacts in _by_references(built):
        task = Evaluate(
            artifacts=artifacts,
            shard=shard.blob,
            labels=shard.labels,
            images=shard.digest,
            present=work.evaluation.present(work.facts.classes),
            preprocessing=work.preprocessing,
            classes=work.facts.config.classes,
            skip_bad_images=work.plan.evaluation.skip_bad_images,
        )
        memory = EVALUATION_BYTES + BYTES_PER_FILE_BYTE * sum(each.size_bytes for each in artifacts)
        subject = f"{work.checkpoint.name} on {shard.name}"
        try:
            results = await work.runner.results(Call.within(work.plan.limits, task, subject, memory))
        except TaskFailedError as error:
            found |= {each.sha256: str(error) for each in artifacts}
        else:
            found |= {sha256: result.read(Evaluated) for sha256, result in results.items()}
    return found


def _by_references(built: Sequence[BuiltCandidate]) -> list[tuple[Artifact, ...]]:
    """All files, each once, in groups that have the same fp32 files; those first."""
    groups: dict[tuple[Artifact, ...], dict[str, Artifact]] = {}
    for each in built:
        references = tuple(a for a in each.candidate.artifacts if a.precision is Precision.FP32)
        if references:
            group = groups.setdefault(references, {reference.sha256: reference for reference in references})
            group |= {a.sha256: a for a in each.candidate.artifacts if a.sha256 not in group}
    return [tuple(group.values()) for group in groups.values()]


def _verified(built: BuiltCandidate, on_shards: Sequence[dict[str, Evaluated | str]], work: _Work) -> BuiltCandidate:
    """`built` with the verification that `evaluation.verify` gives for all shards together, if all are there."""
    artifacts, images = built.candidate.artifacts, work.evaluation
    if not artifacts:
        return built
    ours = [shard[each.sha256] for shard in on_shards for each in artifacts]
    problems = [*images.problems, *dict.fromkeys(each for each in ours if isinstance(each, str))]
    if problems:
        done = len(on_shards) - sum(any(isinstance(s[a.sha256], str) for a in artifacts) for s in on_shards)
        note = f"evaluated on {done} of {counted(len(images.listing.shards), 'shard')}: no figures are given."
        return built.with_problems(*problems, note)
    evaluated = [each for each in ours if isinstance(each, Evaluated)]
    if not any(each.tally.images for each in evaluated):
        return built.with_problems(f"{images.listing.source}: none of its images can be read")
    everything = list(zip(cycle(artifacts), evaluated, strict=False))
    not_run = {artifact.file: each.not_run for artifact, each in everything if each.not_run is not None}
    run = [(artifact, each) for artifact, each in everything if artifact.file not in not_run]
    tallies, among = _merged(run, images.present(work.facts.classes))
    pairing = images.pairing(work.facts.classes)
    verification = tallies.verification(
        images.provenance(tuple(frozenset(each.skipped) for each in evaluated[:: len(artifacts)])),
        {str(each.runtime): runtime_version(each.runtime) for each in artifacts},
        merged_hosts(each.host for each in evaluated),
        work.plan.gates.rules.of_weights(work.facts.config, work.facts.provenance.sha256),
        classes=None if pairing is None else pairing.record,
    )
    verification = replace(verification, among_present=among.result(), not_run=not_run)
    return replace(built, candidate=replace(built.candidate, verification=verification))


def _merged(evaluated: Sequence[tuple[Artifact, Evaluated]], present: tuple[int, ...]) -> tuple[Tallies, PresentTally]:
    """What the artifacts did on all shards together, from what they did shard by shard."""
    artifacts = list(dict.fromkeys(artifact for artifact, _ in evaluated))
    tallies, among = Tallies(artifacts), PresentTally(present)
    for artifact, each in evaluated:
        tallies.by_artifact[artifact].merge(each.tally)
        if each.right_among_present is not None:
            among.add({artifact: each.right_among_present}, each.tally.images if artifact == artifacts[0] else 0)
    return tallies, among

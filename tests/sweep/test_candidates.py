"""What of a checkpoint that its sweep cannot work on becomes of its candidates."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import CheckpointProvenance, ImageProvenance
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.options import AS_TRAINED, PreprocessingChanges
from levit_edge.documents import to_json
from levit_edge.model.config import CONFIGS
from levit_edge.model.hub_preprocessing import LEVIT_PROTOCOL, PreprocessingOrigin
from levit_edge.runtime.evaluation.tally import Tally
from levit_edge.sweep.candidates import NamedCheckpoint, make_candidates
from levit_edge.sweep.inputs.images import Images
from levit_edge.sweep.inputs.sources import Listing
from levit_edge.sweep.outcome.results import Candidate
from levit_edge.sweep.plan import SweepPlan
from levit_edge.sweep.tasks.calibrate_task import Calibrate
from levit_edge.sweep.tasks.call import Call
from levit_edge.sweep.tasks.evaluate_task import Evaluate, Evaluated
from levit_edge.sweep.tasks.identity import Calibrated, CheckpointIdentity, CheckpointPlace, Quantized
from levit_edge.sweep.tasks.network_tasks import Export, Identify
from levit_edge.sweep.tasks.quantize_task import Quantize
from levit_edge.sweep.tasks.result import Result
from levit_edge.sweep.tasks.runner import TaskFailedError
from tests.sweep.example import candidate, plan, with_float16
from tests.sweep.inputs.test_shard_index import index


class Identifies:
    """A runner that identifies a checkpoint with such preprocessing, and does no other task."""

    def __init__(self, origin: PreprocessingOrigin) -> None:
        self.origin = origin

    async def result(self, call: Call) -> Result:
        if not isinstance(call.task, Identify):
            raise TaskFailedError(f"no {call.kind}")
        facts = CheckpointIdentity(
            config=CONFIGS["demo"],
            provenance=CheckpointProvenance(source="folder", format="timm", sha256="0" * 64),
            preprocessing_origin=self.origin,
            labels=None,
            warnings=("it holds several networks",),
        )
        return Result(value=to_json(facts))


WHY = "int8-f16.pte computes in float16, and Cortex-A53 has none: use int8.pte"


class HasNoFloat16(Identifies):
    """A runner that does all tasks, but for files with float16 on the shard `0`."""

    async def result(self, call: Call) -> Result:
        if isinstance(call.task, Calibrate):
            used = ImageProvenance(source="", count=1, sha256="1" * 64)
            return Result(value=to_json(Calibrated(images=used, warning="")))
        if isinstance(call.task, Quantize):
            artifacts = with_float16(candidate("mine", "mixed"), 0.3).artifacts
            return Result(value=to_json(Quantized(recipe=call.task.recipe, artifacts=artifacts, layers=())))
        return Result(value=None) if isinstance(call.task, Export) else await super().result(call)

    async def results(self, call: Call) -> dict[str, Result]:
        if not isinstance(call.task, Evaluate):
            raise TaskFailedError(f"no {call.kind}")
        none = Evaluated(tally=Tally(), skipped={}, host={}, not_run=WHY)
        one = Evaluated(tally=Tally(images=1), skipped={}, host={})
        halves = {a.sha256 for a in call.task.artifacts if a.precision is Precision.INT8_FLOAT16}
        without = halves if call.task.shard == "0" else set()
        return {a.sha256: Result(value=to_json(none if a.sha256 in without else one)) for a in call.task.artifacts}


def made(
    origin: PreprocessingOrigin, changes: PreprocessingChanges, calibration: Images, evaluation: Images
) -> list[Candidate]:
    return made_by(Identifies(origin), plan(), changes, calibration, evaluation)


def made_by(
    runner: Identifies, of: SweepPlan, changes: PreprocessingChanges, calibration: Images, evaluation: Images
) -> list[Candidate]:
    place = CheckpointPlace(path="s3://bucket/folder", signature=None, size=None)
    checkpoint = NamedCheckpoint(name="mine", place=place, preprocessing=changes)
    with ThreadPoolExecutor(1) as own:  # another test's browser may have left an event loop running in this thread
        work = make_candidates(checkpoint, of, cast(Any, runner), calibration, evaluation)
        return [each.candidate for each in own.submit(asyncio.run, work).result()]


def images(source: str, side: int | None) -> Images:
    return Images(
        Listing(source=source, shards=(), class_names=None), [(replace(index(source, None), side=side), "0" * 64)], []
    )


def test_preprocessing_that_there_is_not_is_each_candidates_problem() -> None:
    fault = PreprocessingOrigin(fault="config.json says interpolation = 'nearest'")
    nothing = cast(Any, None)
    found = made(fault, PreprocessingChanges(resize=146), nothing, nothing)
    assert [each.recipe for each in found] == list(plan().recipes)
    for each in found:
        assert each.problems == ("s3://bucket/folder: config.json says interpolation = 'nearest'",)
        assert each.warnings == ("it holds several networks",)
        assert each.size == "demo"


def test_images_that_have_the_networks_size_already_are_told_as_by_quantize() -> None:
    for changes, calibrating, evaluating, said in (
        (AS_TRAINED, 128, 128, ["train", "val"]),
        (AS_TRAINED, 128, 127, ["train"]),
        (AS_TRAINED, None, 146, []),
        (PreprocessingChanges(resize=128), 128, 128, []),
        (PreprocessingChanges(resize=150), 128, 128, []),
    ):
        for each in made(LEVIT_PROTOCOL, changes, images("train", calibrating), images("val", evaluating)):
            assert list(each.warnings[1:]) == [
                f"the images of {source} are 128×128 already. They are enlarged to 146 pixels and their centre is cut"
                " out, as if they were photographs; if they were made for this network, set resize = 128 for its"
                " checkpoint in the plan."
                for source in said
            ]


def test_a_file_that_some_worker_cannot_run_is_named_and_the_others_have_figures() -> None:
    """Figures of it over a part of the shards would be of other images than those of the others."""
    one, two = index("0", None), index("1", None)
    evaluation = Images(Listing(source="val", shards=(), class_names=None), [(one, "0"), (two, "1")], [])
    of = replace(plan(), recipes={"mixed": Recipe(calibration_images=1)})
    (found,) = made_by(HasNoFloat16(LEVIT_PROTOCOL), of, AS_TRAINED, images("train", None), evaluation)
    assert found.problems == ()
    assert found.verification is not None
    assert found.verification.not_run == {"int8-f16.pte": WHY}
    assert [each.artifact for each in found.verification.results] == ["fp32.pte", "int8.pte", "fp32.onnx", "int8.onnx"]
    assert found.verification.samples == 2

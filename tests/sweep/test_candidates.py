"""What of a checkpoint that its sweep cannot work on becomes of its candidates."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from levit_edge.bundle.manifest import CheckpointProvenance
from levit_edge.data.options import PreprocessingChanges
from levit_edge.documents import to_json
from levit_edge.model.config import CONFIGS
from levit_edge.model.hub_preprocessing import PreprocessingOrigin
from levit_edge.sweep.candidates import NamedCheckpoint, make_candidates
from levit_edge.sweep.tasks.call import Call
from levit_edge.sweep.tasks.identity import CheckpointIdentity, CheckpointPlace
from levit_edge.sweep.tasks.network_tasks import Identify
from levit_edge.sweep.tasks.result import Result
from tests.sweep.example import plan


class Identifies:
    """A runner that identifies a checkpoint whose preprocessing there is not, and does no other task."""

    async def result(self, call: Call) -> Result:
        assert isinstance(call.task, Identify)
        facts = CheckpointIdentity(
            config=CONFIGS["demo"],
            provenance=CheckpointProvenance(source="folder", format="timm", sha256="0" * 64),
            preprocessing_origin=PreprocessingOrigin(fault="config.json says interpolation = 'nearest'"),
            labels=None,
        )
        return Result(value=to_json(facts))


def test_preprocessing_that_there_is_not_is_each_candidates_problem() -> None:
    place = CheckpointPlace(path="s3://bucket/folder", signature=None, size=None)
    checkpoint = NamedCheckpoint(name="mine", place=place, preprocessing=PreprocessingChanges(resize=146))
    images: Any = None
    with ThreadPoolExecutor(1) as own:  # another test's browser may have left an event loop running in this thread
        made = make_candidates(checkpoint, plan(), cast(Any, Identifies()), images, images)
        built = own.submit(asyncio.run, made).result()
    assert [each.candidate.recipe for each in built] == list(plan().recipes)
    for each in built:
        assert each.candidate.problems == ("s3://bucket/folder: config.json says interpolation = 'nearest'",)
        assert each.candidate.size == "demo"

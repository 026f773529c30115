"""What one file's failure leaves to the others, and to the next call."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from levit_edge.board.answers_so_far import (
    LostFileError,
    keep_answers,
    noting_a_lost_file,
    parts_kept,
    refuse_what_was_lost,
)
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.errors import BoardError
from levit_edge.runtime.evaluation.evaluator import Answer
from levit_edge.system.result_cache import ResultCache

ARTIFACTS = [
    Artifact(file=f"{each}.pte", runtime=Runtime.EXECUTORCH, precision=each, size_bytes=1, sha256=each)
    for each in (Precision.FP32, Precision.INT8_FLOAT16, Precision.INT8)
]
IMAGES, PART = 10, 4


def answers(files: Sequence[int], begin: int, end: int) -> list[Answer | str]:
    """Each other than all others; that of one image is that it cannot be read."""
    return [
        "damaged"
        if image == 5
        else Answer(
            logits=np.array([[100 * file + image, 1] for file in files], np.float32),
            seconds=tuple(float(file) for file in files),
        )
        for image in range(begin, end)
    ]


def plain(found: Sequence[Answer | str]) -> list[object]:
    return [each if isinstance(each, str) else (each.logits.tolist(), each.seconds) for each in found]


def lose(folder: Path, there: int) -> LostFileError:
    """Let the one with float16 fail when all images are answered, of which the others' cache has `there`."""

    def cache_of(artifacts: Sequence[Artifact]) -> ResultCache:
        return ResultCache({"files": str([each.file for each in artifacts])}, folder)

    others = cache_of([ARTIFACTS[0], ARTIFACTS[2]])
    with others:
        if there:
            keep_answers(others, 0, answers([0, 2], 0, there))
    failure = BoardError("board: it died.")
    failure.file = ARTIFACTS[1].file
    results = cache_of(ARTIFACTS)
    with results:
        for begin in range(0, IMAGES, PART):
            keep_answers(results, begin, answers([0, 1, 2], begin, min(begin + PART, IMAGES)))
        with pytest.raises(LostFileError) as lost, noting_a_lost_file(ARTIFACTS, results, PART, cache_of):
            raise failure
    with others:
        found = [*parts_kept(others)]
    assert plain([each for part in found for each in part]) == plain(answers([0, 2], 0, max(there, IMAGES)))
    assert max(map(len, found)) <= max(PART, there)
    with results, pytest.raises(LostFileError, match=r"^board: it died$") as again:
        refuse_what_was_lost(ARTIFACTS, results, IMAGES)
    assert (again.value.file, again.value.images) == ("int8-f16.pte", IMAGES)
    assert [each.name for each in results.path.iterdir()] == ["lost"]
    return lost.value


@pytest.mark.parametrize("there", [0, 3, 4, 6, 8, 10, 12])
def test_what_the_others_have_not_is_handed_over_part_by_part(tmp_path: Path, there: int) -> None:
    lost = lose(tmp_path, there)
    assert (lost.file, str(lost), lost.images) == ("int8-f16.pte", "board: it died", max(there, PART))
    lost.forget()
    assert len([*tmp_path.iterdir()]) == 1


def test_what_was_lost_is_only_a_file_that_runs(tmp_path: Path) -> None:
    with ResultCache({}, tmp_path) as results:
        refuse_what_was_lost(ARTIFACTS, results, IMAGES)
        results.write("lost", b'["another.pte", "it died"]')
        refuse_what_was_lost(ARTIFACTS, results, IMAGES)

"""What came of an evaluation that was cut off."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.board.partial import PartialEvaluation
from levit_edge.errors import BoardError, OutputError
from levit_edge.runtime.evaluation.evaluator import Answer
from levit_edge.system.result_cache import ResultCache

SHAPE = (2, 3)
KEY = {"key": "1"}


def file_in(folder: Path) -> Path:
    """Where the answers are."""
    return ResultCache(KEY, folder).path / "answers"


def logits(seed: int) -> Answer:
    values = np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)
    return Answer(logits=values, seconds=(0.1 * seed, 1 / 3))


ANSWERS: list[Answer | str] = [logits(1), "not an image in a known format", logits(2), logits(3)]


def same(found: list[Answer | str], expected: list[Answer | str]) -> bool:
    """Bit for bit."""

    def key(answer: Answer | str) -> object:
        return answer if isinstance(answer, str) else (answer.logits.tobytes(), answer.logits.shape, answer.seconds)

    return [key(each) for each in found] == [key(each) for each in expected]


def kept(folder: Path, answers: list[Answer | str] = ANSWERS) -> bytes:
    with PartialEvaluation(KEY, SHAPE, folder) as partial:
        partial.add(answers)
    return file_in(folder).read_bytes()


def test_it_begins_with_nothing_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with PartialEvaluation(KEY, SHAPE, tmp_path / "new" / "folder") as partial:
        assert partial.answers == []
        partial.add(ANSWERS[:1])
        partial.add(ANSWERS[1:3])
    with PartialEvaluation(KEY, SHAPE, tmp_path / "new" / "folder") as partial:
        assert same(partial.answers, ANSWERS[:3])
        partial.add(ANSWERS[3:])
    with PartialEvaluation(KEY, SHAPE, tmp_path / "new" / "folder") as partial:
        assert same(partial.answers, ANSWERS)


def test_another_evaluation_has_another_file(tmp_path: Path) -> None:
    kept(tmp_path)
    with PartialEvaluation({"key": "other"}, SHAPE, tmp_path) as partial:
        assert partial.answers == []


def test_one_that_is_complete_leaves_no_file(tmp_path: Path) -> None:
    kept(tmp_path)
    with PartialEvaluation(KEY, SHAPE, tmp_path) as partial:
        partial.done()
    assert list(tmp_path.iterdir()) == []
    with PartialEvaluation(KEY, SHAPE, tmp_path) as partial:
        assert partial.answers == []
        partial.done()
        partial.done()


def ends(whole: bytes) -> list[int]:
    """Where each answer ends."""
    found = [0]
    while found[-1] < len(whole):
        found.append(found[-1] + 8 + int.from_bytes(whole[found[-1] : found[-1] + 8], "little"))
    return found


def test_wherever_it_was_cut_off_whole_answers_are_kept_and_it_goes_on(tmp_path: Path) -> None:
    whole = kept(tmp_path)
    assert ends(whole)[-1] == len(whole)
    for length in range(len(whole)):
        file_in(tmp_path).write_bytes(whole[:length])
        complete = sum(end <= length for end in ends(whole)) - 1
        with PartialEvaluation(KEY, SHAPE, tmp_path) as partial:
            assert same(partial.answers, ANSWERS[:complete])
            partial.add(ANSWERS[complete:])
        assert file_in(tmp_path).read_bytes() == whole


@given(st.binary(min_size=1, max_size=200))
def test_damage_at_the_end_costs_only_what_is_behind_it(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("partial")
    whole = kept(folder, ANSWERS[:2])
    file_in(folder).write_bytes(whole + damage)
    with PartialEvaluation(KEY, SHAPE, folder) as partial:
        assert same(partial.answers[:2], ANSWERS[:2])
        assert all(isinstance(each, str) or each.logits.shape == SHAPE for each in partial.answers)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(logits=np.zeros((2, 4), np.float32), seconds=(1, 1)),
        Answer(logits=np.zeros((1, 3), np.float32), seconds=(1,)),
    ],
)
def test_answers_of_another_shape_are_not_taken(tmp_path: Path, answer: Answer) -> None:
    kept(tmp_path, [ANSWERS[0], answer, ANSWERS[2]])
    with PartialEvaluation(KEY, SHAPE, tmp_path) as partial:
        assert same(partial.answers, ANSWERS[:1])


HOLD = """
import sys
from pathlib import Path
from levit_edge.board.partial import PartialEvaluation
with PartialEvaluation({"key": "1"}, (2, 3), Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_has_ended_even_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with (
            pytest.raises(
                BoardError, match="the same evaluation is running in another process: wait for it, or end it"
            ),
            PartialEvaluation(KEY, SHAPE, tmp_path),
        ):
            pytest.fail("two at once")
        with PartialEvaluation({"key": "other"}, SHAPE, tmp_path):
            pass
        first.kill()
    with PartialEvaluation(KEY, SHAPE, tmp_path) as partial:
        assert partial.answers == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(OutputError, match=r"file.* cannot be written: (Not a directory|File exists)"),
        PartialEvaluation(KEY, SHAPE, tmp_path / "file"),
    ):
        pytest.fail("opened")


LIMITED = """
import resource, sys
from pathlib import Path
from levit_edge.errors import OutputError
from levit_edge.board.partial import PartialEvaluation
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
with PartialEvaluation({"key": "1"}, (2, 3), Path(sys.argv[1])) as partial:
    try:
        partial.add(["a reason"])
    except OutputError as error:
        print(error)
"""


def test_a_file_that_cannot_grow_is_an_error(tmp_path: Path) -> None:
    """As on a full disk: the system takes a part, and then nothing more."""
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{file_in(tmp_path)} cannot be written: File too large.\n"
    assert file_in(tmp_path).stat().st_size == 10
    with PartialEvaluation(KEY, SHAPE, tmp_path) as partial:
        assert partial.answers == []


@pytest.mark.parametrize(
    "head", [b"[" * 100_000, b'["0.1", 0.2]', b"[0.1, null]", b"[1e999, 0.1]", b'{"error": "x"}', b"{}"]
)
def test_a_line_that_is_no_answer_ends_what_is_kept(head: bytes, tmp_path: Path) -> None:
    frame = head + b"\n" + bytes(4 * SHAPE[0] * SHAPE[1])
    whole = kept(tmp_path, ANSWERS[:2])
    file_in(tmp_path).write_bytes(whole + len(frame).to_bytes(8, "little") + frame)
    with PartialEvaluation(KEY, SHAPE, tmp_path) as partial:
        assert same(partial.answers, ANSWERS[:2])
    assert file_in(tmp_path).read_bytes() == whole

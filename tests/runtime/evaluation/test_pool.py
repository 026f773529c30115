import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from levit_edge.bundle.kinds import Runtime
from levit_edge.data.preprocess import FloatImage, Preprocessing, read_input
from levit_edge.device.formats import FORMATS
from levit_edge.errors import DataError, RuntimeUnavailableError
from levit_edge.runtime.evaluation import pool as evaluation_pool
from levit_edge.runtime.evaluation.evaluator import Answer, Model
from levit_edge.runtime.evaluation.pool import answers, default_processes
from levit_edge.runtime.evaluation.worker import pack_answer, unpack_answer
from levit_edge.runtime.runner import open_runner
from levit_edge.system import copies
from levit_edge.system.worker import Channel, Helper
from tests.conftest import Started, colour_classifier

pytestmark = pytest.mark.timeout(60)  # a pool that loses an image would wait for it for ever
PROCESSES = pytest.mark.parametrize("processes", [0, 1, 3])
COPIES = pytest.mark.skipif(sys.platform != "linux", reason="processes that are copies of one")
A_THREAD = """
import ctypes
libc, thread = ctypes.CDLL(None), ctypes.c_ulong()
assert libc.pthread_create(ctypes.byref(thread), None, libc.pause, None) == 0
"""
"""One that Python does not know of, like those of a runtime's pool."""
MODELS = [
    Model(
        file=f"{scale}.onnx", runtime=Runtime.ONNXRUNTIME, read=partial(colour_classifier, scale * np.eye(3)), classes=3
    )
    for scale in (1, -2)
]


@PROCESSES
def test_answers_are_those_of_the_runtimes_in_the_images_order(
    photographs: list[Path], small: Preprocessing, processes: int
) -> None:
    photographs[7].write_bytes(b"no photograph")
    found = list(answers(MODELS, photographs, small, processes))
    assert len(found) == len(photographs)
    runners = [open_runner(model.runtime, model.read()) for model in MODELS]
    for image, answer in zip(photographs, found, strict=True):
        if image == photographs[7]:
            assert answer == f"not an image in a known format ({', '.join(FORMATS)})"
            continue
        assert isinstance(answer, Answer)
        values = read_input(image, small)[np.newaxis]
        assert np.array_equal(answer.logits, np.stack([runner.run(values) for runner in runners]))
        assert answer.logits.dtype == np.float32
        assert len(answer.seconds) == 2
        assert min(answer.seconds) > 0


@PROCESSES
def test_no_images_give_no_answers(small: Preprocessing, processes: int) -> None:
    assert list(answers(MODELS, [], small, processes)) == []


@PROCESSES
def test_a_file_that_the_runtime_refuses_is_the_same_error_everywhere(
    photographs: list[Path], small: Preprocessing, processes: int
) -> None:
    damaged = [*MODELS, replace(MODELS[0], read=lambda: b"no model")]
    with pytest.raises(RuntimeUnavailableError, match=r"ONNX Runtime .* refuses the file"):
        list(answers(damaged, photographs, small, processes))


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the processes that have opened the models."""
    numbers: list[int] = []
    original = copies.copied

    def copied(helper: Helper) -> list[Channel]:
        channels = original(helper)
        numbers.extend(helper.copies)
        return channels

    monkeypatch.setattr(copies, "copied", copied)
    return numbers


@pytest.fixture
def hanging(processes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process hangs as soon as it has opened the models, before it is given images."""
    original = copies.copied

    def stopped(helper: Helper) -> list[Channel]:
        channels = original(helper)
        os.kill(processes[0], signal.SIGSTOP)
        return channels

    monkeypatch.setattr(copies, "copied", stopped)


def ended(process: int) -> bool:
    """Whether a process that is not our child has ended, or does within a second."""
    for _ in range(100):
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


@COPIES
@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_dies_is_an_error_that_names_the_image(
    photographs: list[Path],
    small: Preprocessing,
    started: Started,
    processes: list[int],
    monkeypatch: pytest.MonkeyPatch,
    how: signal.Signals,
) -> None:
    original = evaluation_pool._Worker.take

    def take(worker: evaluation_pool._Worker, numbered: tuple[int, Path | FloatImage] | None) -> None:
        original(worker, numbered)
        if numbered is not None and numbered[0] == 50:  # long after the first was given images 0 and 2
            os.kill(processes[0], how)
            os.kill(processes[0], signal.SIGCONT)

    monkeypatch.setattr(evaluation_pool._Worker, "take", take)
    said = {signal.SIGKILL: r"died \(killed by SIGKILL, often", signal.SIGSEGV: r"crashed \(killed by SIGSEGV\)"}
    kind = DataError if how is signal.SIGKILL else RuntimeUnavailableError
    with pytest.raises(kind, match=rf"000\.png: the process that evaluated it {said[how]}"):
        list(answers(MODELS, photographs, small, 2))
    assert all(process.returncode is not None for process in started)
    assert all(map(ended, processes))


@COPIES
@pytest.mark.usefixtures("hanging")
def test_a_process_that_dies_when_its_images_are_done_is_none(
    photographs: list[Path],
    small: Preprocessing,
    processes: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = evaluation_pool._Worker.answer
    killed: list[int] = []

    def answer(worker: evaluation_pool._Worker) -> tuple[int, Answer | str]:
        found = original(worker)
        if not killed and not worker.given and found[0] >= 98:  # the rest is the first one's
            os.kill(processes[1], signal.SIGKILL)
            killed.append(processes[1])
            assert ended(processes[1])
            os.kill(processes[0], signal.SIGCONT)
        return found

    monkeypatch.setattr(evaluation_pool._Worker, "answer", answer)
    assert len(list(answers(MODELS, photographs, small, 2))) == 100
    assert killed


def test_a_process_that_cannot_work_is_an_error(
    photographs: list[Path],
    small: Preprocessing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('no numpy today')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(DataError, match=r"1\.onnx: the process that loaded it died \(exit status 1\)"):
        list(answers(MODELS, photographs, small, 1))
    assert "no numpy today" in capfd.readouterr().err


@COPIES
def test_closing_ends_processes_at_once_even_one_that_hangs(
    photographs: list[Path], small: Preprocessing, started: Started, processes: list[int]
) -> None:
    running = answers(MODELS, photographs, small, 2)
    next(running)
    os.kill(processes[0], signal.SIGSTOP)
    running.close()
    assert [process.returncode for process in started] == [0], "it has waited for its copies"
    assert len(processes) == 2
    assert not any(Path(f"/proc/{process}").exists() for process in processes)


@COPIES
@pytest.mark.usefixtures("hanging")
def test_a_process_that_is_slow_gets_fewer_images(
    photographs: list[Path], small: Preprocessing, processes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one process hangs, the other goes on: with every image but the few that the first one has."""
    taken: list[int] = []
    original = evaluation_pool._Worker.take

    def take(worker: evaluation_pool._Worker, numbered: tuple[int, Path | FloatImage] | None) -> None:
        if numbered is not None:
            taken.append(numbered[0])
            if len(taken) == 100:  # all are handed out while the first is still not answered
                os.kill(processes[0], signal.SIGCONT)
        original(worker, numbered)

    monkeypatch.setattr(evaluation_pool._Worker, "take", take)
    found = list(answers(MODELS, photographs, small, 2))
    assert taken == list(range(100))
    assert len(found) == 100


@COPIES
def test_models_are_read_and_loaded_once_for_all_processes(photographs: list[Path], small: Preprocessing) -> None:
    reads: list[int] = []
    data = MODELS[0].read()

    def read() -> bytes:
        reads.append(1)
        return data

    assert len(list(answers([replace(MODELS[0], read=read)], photographs, small, 3))) == len(photographs)
    assert reads == [1]


@COPIES
def test_where_a_runtime_has_threads_each_process_loads_the_models(
    photographs: list[Path], small: Preprocessing, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork would leave its threads behind, and wait for them for ever."""
    (tmp_path / "sitecustomize.py").write_text(A_THREAD)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    expected = [answer.logits for answer in answers(MODELS, photographs, small, 0) if isinstance(answer, Answer)]
    found = [answer.logits for answer in answers(MODELS, photographs, small, 3) if isinstance(answer, Answer)]
    assert np.array_equal(expected, found)
    assert len(started) == 3


INTERRUPTED = """
import signal
import sys
import time
from pathlib import Path
import numpy as np
from levit_edge.data.preprocess import Preprocessing
from levit_edge.runtime.evaluation.pool import answers
from levit_edge.runtime.evaluation.evaluator import Model
from levit_edge.bundle.kinds import Runtime

preprocessing = Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
model = Path(sys.argv[1]).read_bytes()
models = [Model(file="model.onnx", runtime=Runtime.ONNXRUNTIME, read=lambda: model, classes=3)]

def interrupt(*_: object) -> None:
    time.sleep(0.3)  # time enough for a process to complain, had it been interrupted too
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
try:
    for index, _ in enumerate(answers(models, [Path(sys.argv[2])] * 1_000_000, preprocessing, 2)):
        if index == 0:
            print("evaluating", flush=True)
except KeyboardInterrupt:
    sys.exit(130)
"""  # no `if __name__ == "__main__"` needed


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_quietly_with_their_parent(photographs: list[Path], tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "script.py").write_text(INTERRUPTED)
    (tmp_path / "model.onnx").write_bytes(MODELS[0].read())
    arguments = (tmp_path / "script.py", tmp_path / "model.onnx", photographs[0])
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "evaluating\n"
            os.killpg(process.pid, how)  # the terminal interrupts the whole group
            _, complaints = process.communicate(timeout=20)  # ends when all that hold the pipes have: workers too
        finally:
            process.kill()
    assert complaints == ""
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)


@pytest.mark.parametrize(
    "answer",
    [
        "an empty file",
        "two\nlines",
        Answer(logits=np.array([[1.5, -0.0], [np.nan, 1e-45]], np.float32), seconds=(0.1, 1 / 3)),
    ],
)
def test_an_answer_survives_the_pipe_bit_for_bit(answer: Answer | str) -> None:
    unpacked = unpack_answer(pack_answer(answer))
    if isinstance(answer, str):
        assert unpacked == answer
        return
    assert isinstance(unpacked, Answer)
    assert unpacked.seconds == answer.seconds
    assert unpacked.logits.tobytes() == answer.logits.tobytes()
    assert unpacked.logits.shape == answer.logits.shape


def test_few_images_are_evaluated_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_pool, "default_workers", lambda _images: 2)
    assert [default_processes(images) for images in (0, 199, 200, 10_000)] == [0, 0, 2, 2]

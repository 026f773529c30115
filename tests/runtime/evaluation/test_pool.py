import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
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
from tests.conftest import Started, colour_classifier

pytestmark = pytest.mark.timeout(60)  # a pool that loses an image would wait for it for ever
PROCESSES = pytest.mark.parametrize("processes", [0, 1, 3])
MODELS = [
    Model(file=f"{scale}.onnx", runtime=Runtime.ONNXRUNTIME, data=colour_classifier(scale * np.eye(3)), classes=3)
    for scale in (1, -2)
]


@PROCESSES
def test_answers_are_those_of_the_runtimes_in_the_images_order(
    photographs: list[Path], small: Preprocessing, processes: int
) -> None:
    photographs[7].write_bytes(b"no photograph")
    found = list(answers(MODELS, photographs, small, processes))
    assert len(found) == len(photographs)
    runners = [open_runner(model.runtime, model.data) for model in MODELS]
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
    damaged = [*MODELS, replace(MODELS[0], data=b"no model")]
    with pytest.raises(RuntimeUnavailableError, match=r"ONNX Runtime .* refuses the file"):
        list(answers(damaged, photographs, small, processes))


@pytest.fixture
def hanging(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process hangs as soon as it has opened the models, before it is given images."""
    opened = evaluation_pool._Worker.wait_until_open

    def wait_until_open(worker: evaluation_pool._Worker, models: Sequence[Model]) -> None:
        opened(worker, models)
        if worker.helper.process is started[0]:
            started[0].send_signal(signal.SIGSTOP)

    monkeypatch.setattr(evaluation_pool._Worker, "wait_until_open", wait_until_open)


@pytest.mark.usefixtures("hanging")
def test_a_process_that_dies_is_an_error_that_names_the_image(
    photographs: list[Path], small: Preprocessing, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = evaluation_pool._Worker.take

    def take(worker: evaluation_pool._Worker, numbered: tuple[int, Path | FloatImage] | None) -> None:
        original(worker, numbered)
        if numbered is not None and numbered[0] == 50:  # long after the first was given images 0 and 2
            started[0].kill()

    monkeypatch.setattr(evaluation_pool._Worker, "take", take)
    with pytest.raises(DataError, match=r"000\.png: the process that evaluated it died \(killed by SIGKILL, often"):
        list(answers(MODELS, photographs, small, 2))
    assert all(process.returncode is not None for process in started)


@pytest.mark.usefixtures("hanging")
def test_a_process_that_dies_when_its_images_are_done_is_none(
    photographs: list[Path], small: Preprocessing, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = evaluation_pool._Worker.answer

    def answer(worker: evaluation_pool._Worker) -> tuple[int, Answer | str]:
        found = original(worker)
        if worker.helper.process is started[1] and not worker.given and found[0] >= 98:  # the rest is the first one's
            started[1].kill()
            started[1].wait()
            started[0].send_signal(signal.SIGCONT)
        return found

    monkeypatch.setattr(evaluation_pool._Worker, "answer", answer)
    assert len(list(answers(MODELS, photographs, small, 2))) == 100
    assert started[1].returncode == -signal.SIGKILL


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


def test_closing_ends_processes_at_once_even_one_that_hangs(
    photographs: list[Path], small: Preprocessing, started: Started
) -> None:
    running = answers(MODELS, photographs, small, 2)
    next(running)
    started[0].send_signal(signal.SIGSTOP)
    running.close()
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


@pytest.mark.usefixtures("hanging")
def test_a_process_that_is_slow_gets_fewer_images(
    photographs: list[Path], small: Preprocessing, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one process hangs, the other goes on: with every image but the few that the first one has."""
    taken: list[int] = []
    original = evaluation_pool._Worker.take

    def take(worker: evaluation_pool._Worker, numbered: tuple[int, Path | FloatImage] | None) -> None:
        if numbered is not None:
            taken.append(numbered[0])
            if len(taken) == 100:  # all are handed out while the first is still not answered
                started[0].send_signal(signal.SIGCONT)
        original(worker, numbered)

    monkeypatch.setattr(evaluation_pool._Worker, "take", take)
    found = list(answers(MODELS, photographs, small, 2))
    assert taken == list(range(100))
    assert len(found) == 100


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
models = [Model(file="model.onnx", runtime=Runtime.ONNXRUNTIME, data=model, classes=3)]

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
    (tmp_path / "model.onnx").write_bytes(MODELS[0].data)
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

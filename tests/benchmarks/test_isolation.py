"""Whatever becomes of a peer, there is an answer. The peers here are functions of this module, which stays light."""

import os
import signal
from functools import partial

import numpy as np
import pytest

from benchmarks.isolation import LONGEST_REASON, attempt
from benchmarks.references import reference
from benchmarks.speed.contender import Engine
from benchmarks.task import Built, Peer, Task
from tests.conftest import colour_classifier


def peer(build: partial[Built]) -> Peer:
    return Peer(name="fake", runtime=Engine.ONNXRUNTIME, requires=("numpy",), build=build)


def give(model: bytes, task: Task, seconds: float | None = None) -> Built:
    return Built(model=model, calibration_images=task.calibration.count, note="made up", seconds=seconds)


def fail(message: str, task: Task) -> Built:
    raise ValueError(f"{message}\nfor {task.calibration.count} images")


def die(number: int, task: Task) -> Built:  # noqa: ARG001
    os.kill(os.getpid(), number)
    raise RuntimeError("still alive")


def test_a_peer_that_works_gives_its_file(task: Task) -> None:
    model = reference(task, Engine.ONNXRUNTIME).read_bytes()
    tried = attempt(peer(partial(give, model)), task)
    assert tried.reason == ""
    assert tried.built == Built(model=model, calibration_images=10, note="made up")
    assert tried.seconds is not None
    assert attempt(peer(partial(give, model, seconds=1e6)), task).seconds == 1e6, "it knows better what it took"


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (partial(fail, "no such operator"), "failed: ValueError: no such operator for 10 images"),
        (partial(fail, "long " * 100), "failed: ValueError: long long"),
        (partial(die, signal.SIGKILL), "failed: its process died"),
        (partial(give, b"not a model"), "failed: RuntimeUnavailableError: "),
        (
            partial(give, colour_classifier(np.full((3, 3), np.nan))),
            "failed: RuntimeUnavailableError: onnxruntime gives",
        ),
    ],
    ids=["raises", "raises at length", "is killed", "gives junk", "gives no numbers"],
)
def test_a_peer_that_fails_is_a_reason(build: partial[Built], reason: str, task: Task) -> None:
    tried = attempt(peer(build), task)
    assert tried.built is None
    assert tried.reason.startswith(reason)
    assert len(tried.reason) <= LONGEST_REASON + len("failed: ")


def test_a_peer_that_is_not_installed_says_what_is_missing(task: Task) -> None:
    absent = Peer(name="fake", runtime=Engine.EXECUTORCH, requires=("numpy", "no_such_module"), build=partial(fail, ""))
    assert attempt(absent, task).reason == "not installed: no_such_module"

"""Tasks handed to an engine: once each, again where that may help, never what is there already."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import pytest

from levit_edge.errors import SweepError
from levit_edge.sweep.tasks.call import Call, inputs_of
from levit_edge.sweep.tasks.result import Done, Failed, Listener, Outcome, Result
from levit_edge.sweep.tasks.runner import Runner, TaskFailedError, run_to_end
from levit_edge.sweep.tasks.store import Store

HERE = {"python": "3.11.7"}
Answer = Callable[[Call], Outcome | SweepError]


class PretendedEngine:
    """Answers at once, and keeps what a worker would keep."""

    description = "pretended"
    processors: Sequence[str] = ("one",)

    def __init__(self, store: Store, answer: Answer) -> None:
        self._store, self._answer = store, answer
        self.heard: list[tuple[Call, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def submit(self, call: Call, avoid: str = "") -> Future[Outcome]:
        self.heard.append((call, avoid))
        future: Future[Outcome] = Future()
        answer = self._answer(call)
        if isinstance(answer, SweepError):
            future.set_exception(answer)
        else:
            if isinstance(answer, Done):
                for name, result in answer.results.items():
                    self._store.keep(call.kind, inputs_of(call.task)[name], HERE, result)
            future.set_result(answer)
        return future


class Heard(Listener):
    """A listener that remembers."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.failures: list[tuple[str, bool]] = []

    def expect(self, kind: str, tasks: int) -> None:
        raise AssertionError(kind, tasks)

    def ended(self, kind: str) -> None:
        self.ends.append(kind)

    def failed(self, kind: str, subject: str, failed: Failed, *, again: bool) -> None:
        self.failures.append((f"{kind} {subject}: {failed.reason}", again))


@dataclass(frozen=True, kw_only=True)
class Many:
    """A task with a result for each name."""

    kind: ClassVar[str] = "nothing"
    names: tuple[str, ...]

    def parts(self) -> dict[str, dict[str, Any]]:
        return {name: {"name": name} for name in self.names}

    def run(self, _store: Store) -> dict[str, Result]:
        raise AssertionError(self)


def call(*names: str, subject: str = "a network") -> Call:
    return Call(task=Many(names=names), subject=subject)


def done(asked: Call) -> Done:
    return Done(results={name: Result(value=name.upper(), seconds=2.0) for name in asked.task.parts()})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def run(
    store: Store, answer: Answer, *calls: Call, retries: int = 2
) -> tuple[Runner, PretendedEngine, Heard, list[object]]:
    engine, heard = PretendedEngine(store, answer), Heard()
    runner = Runner(store, engine, HERE, heard, retries)

    async def everything() -> list[object]:
        return await asyncio.gather(*(runner.results(each) for each in calls), return_exceptions=True)

    return runner, engine, heard, run_to_end(everything())


def values(results: object) -> dict[str, object]:
    assert isinstance(results, dict), results
    return {name: result.value for name, result in results.items()}


def test_a_task_whose_results_are_all_there_is_not_asked_for_again(store: Store) -> None:
    run(store, done, call("a"))
    runner, engine, heard, (results,) = run(store, done, call("a", "b"))
    assert values(results) == {"a": "A", "b": "B"}
    assert len(engine.heard) == 1
    assert (runner.counts["nothing"].done, runner.counts["nothing"].seconds) == (1, 2.0)
    runner, engine, heard, (results,) = run(store, done, call("a", "b"))
    assert values(results) == {"a": "A", "b": "B"}
    assert (engine.heard, runner.counts["nothing"].reused, heard.ends) == ([], 1, ["nothing"])


def test_equal_calls_are_one(store: Store) -> None:
    _, engine, heard, results = run(store, done, call("a"), call("a", subject="another name"))
    assert [values(each) for each in results] == [{"a": "A"}] * 2
    assert (len(engine.heard), heard.ends) == (1, ["nothing"])


def test_a_worker_that_dies_is_followed_by_another_elsewhere(store: Store) -> None:
    def answer(asked: Call) -> Outcome:
        return Failed(reason="died", node=f"node {asked.attempt}", again=True) if asked.attempt < 3 else done(asked)

    runner, engine, heard, (results,) = run(store, answer, call("a"))
    assert values(results) == {"a": "A"}
    assert [(asked.attempt, avoid) for asked, avoid in engine.heard] == [(1, ""), (2, "node 1"), (3, "node 2")]
    assert len({asked.id for asked, _ in engine.heard}) == 3
    assert heard.failures == [("nothing a network: died", True)] * 2
    counts = runner.counts["nothing"]
    assert (counts.done, counts.retried, counts.failed) == (1, 2, 0)


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_attempts_are_bounded_and_the_log_is_kept(store: Store, retries: int) -> None:
    failed = Failed(reason="died.", log="last words", node="node 7", again=True)
    runner, engine, heard, (error,) = run(store, lambda _call: failed, call("a"), retries=retries)
    assert isinstance(error, TaskFailedError)
    attempts = f" ({retries + 1} attempts)" if retries else ""
    said, _, log = str(error).partition(" Its log: ")
    assert said == f"nothing a network on node 7{attempts}: died."
    assert Path(log).read_text() == "last words"
    assert len(engine.heard) == retries + 1
    assert [again for _, again in heard.failures] == [True] * retries + [False]
    assert (runner.counts["nothing"].failed, heard.ends) == (1, ["nothing"])


def test_what_cannot_pass_is_not_tried_again(store: Store) -> None:
    _, engine, _, (error, results) = run(
        store,
        lambda asked: Failed(reason="a damaged checkpoint.") if "a" in asked.task.parts() else done(asked),
        call("a"),
        call("b"),
    )
    assert str(error) == "nothing a network: a damaged checkpoint."
    assert values(results) == {"b": "B"}
    assert len(engine.heard) == 2


def test_a_lost_engine_ends_everything(store: Store) -> None:
    _, _, _, (error,) = run(store, lambda _call: SweepError("the cluster is gone."), call("a"))
    assert isinstance(error, SweepError)

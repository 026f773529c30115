"""The kinds of tasks, by name. Each is a function of a call and the store that gives the results of its pieces."""

from collections.abc import Callable, Mapping

from levit_edge.sweep.tasks.call import Call, Result
from levit_edge.sweep.tasks.store import Store

__all__ = ["TASKS"]

Results = dict[str, Result]


def _nothing(call: Call, _store: Store) -> Results:
    """What a task costs that does nothing: docs/scaling.md."""
    return {name: Result(value=None) for name in call.pieces}


def _index(call: Call, store: Store) -> Results:
    from levit_edge.sweep.tasks.index_task import index

    return index(call, store)


def _identify(call: Call, store: Store) -> Results:
    from levit_edge.sweep.tasks.network_tasks import identify

    return identify(call, store)


def _export(call: Call, store: Store) -> Results:
    from levit_edge.sweep.tasks.network_tasks import export

    return export(call, store)


def _calibrate(call: Call, store: Store) -> Results:
    from levit_edge.sweep.tasks.calibrate_task import calibrate

    return calibrate(call, store)


def _quantize(call: Call, store: Store) -> Results:
    from levit_edge.sweep.tasks.quantize_task import quantize

    return quantize(call, store)


def _evaluate(call: Call, store: Store) -> Results:
    from levit_edge.sweep.tasks.evaluate_task import evaluate

    return evaluate(call, store)


TASKS: Mapping[str, Callable[[Call, Store], Results]] = {
    "nothing": _nothing,
    "index": _index,
    "identify": _identify,
    "export": _export,
    "calibrate": _calibrate,
    "quantize": _quantize,
    "evaluate": _evaluate,
}
"""What these import is imported where it is needed: a worker that evaluates finished files needs no torch."""

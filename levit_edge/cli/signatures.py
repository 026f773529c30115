"""Options that stand in a command's signature as one parameter."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["keyword", "with_parameters"]


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """A parameter that is passed by its name."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def with_parameters(command: Callable[..., Any], name: str, own: Iterable[inspect.Parameter]) -> inspect.Signature:
    """The signature of `command` with `own` parameters in place of the one called `name`."""
    signature, parameters = inspect.signature(command), list[inspect.Parameter]()
    for parameter in signature.parameters.values():
        parameters += own if parameter.name == name else [parameter]
    return signature.replace(parameters=parameters)

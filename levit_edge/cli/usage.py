"""Wrong values of options, in the words of the other messages: Typer passes pydantic's on, without the value."""

from typing import Any

import typer

from levit_edge.text import shortened

__all__ = ["plain"]

LONGEST_VALUE = 60
OF_ENUMS = "Value error, "
OF_NUMBERS = "Input should be "
REASON = ", unable to parse "
MORE = {
    "ios": " levit-edge has nothing of its own for iOS. What there is: the page of --for web, which needs Safari 16.4"
    " or newer and was not tried on an iPhone; and ExecuTorch's runtime for iOS, for which docs/package-format.md has"
    " Swift that reads a package, and was never compiled."
}
"""What is to be said of a value that people ask for and there is not."""


def plain(error: typer.TyperException) -> typer.TyperException:
    """`error`, whose message says what was found and what was expected: `'x' is not a valid integer.`"""
    errors: Any = getattr(error.__cause__, "errors", None)
    if errors is None:
        return error
    fault = errors()[0]
    said, value = str(fault["msg"]), repr(shortened(str(fault["input"]), LONGEST_VALUE))
    if said.startswith(OF_NUMBERS):
        expected = said.removeprefix(OF_NUMBERS).partition(REASON)[0]
        error.message = f"{value} is not {expected}."
    elif said.startswith(OF_ENUMS):
        error.message = said.removeprefix(OF_ENUMS) + MORE.get(str(fault["input"]).lower(), "")
    return error

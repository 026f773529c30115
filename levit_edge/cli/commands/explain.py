"""`levit-edge explain`: what a word of tables and reports means."""

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.cli.terminal.console import say, stdout
from levit_edge.text import shortened

if TYPE_CHECKING:
    from levit_edge.glossary.term import Term

__all__ = ["explain"]

LONGEST_WORD = 60


def terms(incomplete: str) -> list[str]:
    """What a shell offers for `explain`."""
    from levit_edge.glossary.terms import TERMS

    return [each.name for each in TERMS if each.name.casefold().startswith(incomplete.casefold())]


def explain(
    term: Annotated[
        list[str] | None,
        typer.Argument(metavar="TERM", autocompletion=terms, help="A word, or several: SQNR, dynamic layer."),
    ] = None,
) -> None:
    """Say what a term means, by which formula, and where to read on; without a term, list all."""
    from levit_edge.glossary.terms import TERMS

    if term:
        _say_term(_found(" ".join(term)))
        return
    column = 2 + max(len(each.name) for each in TERMS)
    for each in TERMS:
        line = f"{each.name:{column}}{each.brief}"
        say(textwrap.fill(line, stdout.width, subsequent_indent=" " * column, break_on_hyphens=False))


def _found(word: str) -> "Term":
    """The term.

    Raises:
        typer.BadParameter: there is none of this name.
    """
    from levit_edge.glossary.term import find, near
    from levit_edge.glossary.terms import TERMS

    if (found := find(word, TERMS)) is not None:
        return found
    alike = near(word, TERMS)
    advice = f"did you mean {' or '.join(alike)}?" if alike else "`levit-edge explain` lists those that there are."
    raise typer.BadParameter(f"there is no term {shortened(word, LONGEST_WORD)!r}: {advice}", param_hint="TERM")


def _say_term(term: "Term") -> None:
    say(term.name, style="bold")
    if term.also:
        say(f"also: {', '.join(term.also)}", wrap=True)
    say(term.meaning, wrap=True)
    if term.formula:
        say(f"  {term.formula}", wrap=True)
    say(f"more: docs/{term.page}")

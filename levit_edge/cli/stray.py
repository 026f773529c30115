"""Words in places where a command takes none: what to type instead, as `--checkpoint my.pth` for `quantize my.pth`."""

from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

from typer.core import TyperCommand, TyperGroup

from levit_edge.cli.subcommands import COMMANDS
from levit_edge.model.config import size_named
from levit_edge.model.source import HUB_ID, WEIGHT_SUFFIXES
from levit_edge.places import found_at

__all__ = ["Command", "Group"]

BOARDS = ("ssh://", "adb", "qemu:", "local")
EXAMPLES = {each.function.__name__: each.examples[0] for each in COMMANDS}


class Command(TyperCommand):
    """A subcommand that says of words too many, and of none where some are needed, what to type."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Also of an empty command line, unless a shell completes it."""
        if not args and not ctx.resilient_parsing and any(each.required for each in self.params):
            first = next(str(getattr(each, "metavar", each.name)) for each in self.params if each.required)
            ctx.fail(f"Missing argument '{first}', as in: levit-edge {EXAMPLES[str(self.name)]}")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Refuse what `allow_extra_args` let through."""
        if ctx.args:
            word = ctx.args[0]
            advice = ADVICE[self.name](word) if self.name in ADVICE else ""
            ctx.fail(f"Unexpected {quote(word)}: {advice or f'{self.name} takes no such word, only options'}.")
        return super().invoke(ctx)


class Group(TyperGroup):
    """The command itself, which says of a file in place of a subcommand what can be done with it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As Typer's."""
        word = args[0]
        known = word in self.commands or word.startswith("-") or ctx.resilient_parsing  # the last: a shell completes it
        if not known and (options := _options_for(word)):
            ways = ", or ".join(f"levit-edge quantize {option} {quote(word)}" for option in options)
            ctx.fail(f"{quote(word)} is no command. To quantize it, type {ways}.")
        return super().resolve_command(ctx, args)


def _of_network(word: str) -> str:
    """For commands that take a network and images, each by an option."""
    options = _options_for(word)
    return f"type {', or '.join(f'{option} {quote(word)}' for option in options)}" if options else ""


def _options_for(word: str) -> tuple[str, ...]:
    """The options that may have been meant: for a size, a folder of images, or a checkpoint."""
    path = Path(word)
    if size_named(word):
        return ("--model",)
    if found_at(path) == "is a folder" and not (path / "config.json").exists():
        return "--evaluation", "--calibration"
    if found_at(path) != "does not exist" or word.lower().endswith(WEIGHT_SUFFIXES) or HUB_ID.fullmatch(word):
        return ("--checkpoint",)
    return ()


def _of_bundle(word: str) -> str:
    """For `verify`, which has a bundle already."""
    said = f"type --on {quote(word)}"
    return said if word.startswith(BOARDS) else f"images are given as --evaluation {quote(word)}"


def _of_package(word: str) -> str:
    said = f"type --for {word}"
    return said if word in {"android", "board"} else f"the package is named by --output {quote(word)}"


ADVICE: dict[str, Callable[[str], str]] = {
    "quantize": _of_network,
    "sensitivity": _of_network,
    "verify": _of_bundle,
    "bench": lambda word: f"one bundle at a time; a board is given as --on {quote(word)}",
    "package": _of_package,
    "inspect": lambda word: f"one at a time; then type levit-edge inspect {quote(word)}",
    "sweep": lambda word: f"one plan at a time; where everything goes is given as --output {quote(word)}",
}
"""What to type instead of a word too many; `predict` and `report` take any number."""

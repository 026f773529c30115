"""Words in places where a command takes none: what to type instead, as `--checkpoint my.pth` for `quantize my.pth`."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import Any

from typer.core import TyperCommand, TyperGroup

from levit_edge.bundle.place import MANIFEST_FILE
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
        """Also of an empty command line and of empty words, unless a shell completes it."""
        if not args and not ctx.resilient_parsing and any(each.required for each in self.params):
            first = next(str(getattr(each, "metavar", each.name)) for each in self.params if each.required)
            ctx.fail(f"Missing argument '{first}', as in: levit-edge {EXAMPLES[str(self.name)]}")
        if not ctx.resilient_parsing and (empty := _empty_word(args)):
            ctx.fail(f"{empty} is empty: is a variable of the shell not set?")
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
        if not known and (kind := _other_than_network(word)):
            ctx.fail(f"{quote(word)} is no command but {kind}.")
        if not known and (options := _options_for(word)):
            ways = ", or ".join(f"levit-edge quantize {option} {quote(word)}" for option in options)
            ctx.fail(f"{quote(word)} is no command. To quantize it, type {ways}.")
        return super().resolve_command(ctx, args)


def _empty_word(args: Sequence[str]) -> str:
    """What stands in front of a word that says nothing, which as a path would be the working directory."""
    for before, word in pairwise(["", *args]):
        if not word or (word.startswith("--") and word.partition("=")[1:] == ("=", "")):
            option = word.removesuffix("=") or before
            return f"the value of {option}" if option.startswith("-") else "a word of the command line"
    return ""


def _of_network(word: str) -> str:
    """For commands that take a network and images, each by an option."""
    if kind := _other_than_network(word):
        return f"it is {kind}"
    options = _options_for(word)
    return f"type {', or '.join(f'{option} {quote(word)}' for option in options)}" if options else ""


def _is_bundle(word: str) -> bool:
    return found_at(Path(word) / MANIFEST_FILE) == "is a file"


def _other_than_network(word: str) -> str:
    """What it is called or found to be that is quantized no more, and what to type for it; else empty."""
    quoted, ending = quote(word), Path(word).suffix.lower()
    if _is_bundle(word):
        return f"a bundle: type levit-edge report {quoted}, or levit-edge verify {quoted} --evaluation IMAGES"
    if ending == ".zip":
        return f"a package: type levit-edge verify {quoted}"
    if ending in {".pte", ".onnx"}:
        return f"a model file: type levit-edge inspect {quoted}"
    from levit_edge.device.file_kinds import EXTENSIONS

    return f"a photograph: type levit-edge predict BUNDLE {quoted}" if ending in EXTENSIONS else ""


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
    if _is_bundle(word):
        return f"one bundle at a time; then type levit-edge verify {quote(word)}"
    said = f"type --on {quote(word)}"
    return said if word.startswith(BOARDS) else f"images are given as --evaluation {quote(word)}"


def _of_package(word: str) -> str:
    if _is_bundle(word):
        return f"one bundle at a time; then type levit-edge package {quote(word)}"
    said = f"type --for {word}"
    return said if word in {"android", "board"} else f"the package is named by --output {quote(word)}"


def _of_bench(word: str) -> str:
    then = (
        f"then type levit-edge bench {quote(word)}" if _is_bundle(word) else f"a board is given as --on {quote(word)}"
    )
    return f"one bundle at a time; {then}"


ADVICE: dict[str, Callable[[str], str]] = {
    "quantize": _of_network,
    "sensitivity": _of_network,
    "verify": _of_bundle,
    "bench": _of_bench,
    "package": _of_package,
    "inspect": lambda word: f"one at a time; then type levit-edge inspect {quote(word)}",
    "sweep": lambda word: f"one plan at a time; where everything goes is given as --output {quote(word)}",
}
"""What to type instead of a word too many; `predict` and `report` take any number."""

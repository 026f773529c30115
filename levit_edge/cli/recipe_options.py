"""The options of the recipe, made from its fields, for the commands that take one."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_origin

import typer

from levit_edge.bundle.recipe import FieldOption, Recipe, read_recipe, recipe_options
from levit_edge.cli.signatures import keyword, with_parameters
from levit_edge.errors import QuantizationError

__all__ = ["with_recipe"]

R = TypeVar("R")
OPTIONS = tuple(recipe_options())
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        metavar="FILE",
        help="A whole recipe in TOML or JSON, such as a bundle's manifest.json; options beside it override it.",
    ),
]


def with_recipe(command: Callable[..., R]) -> Callable[..., R]:
    """`command`, with --recipe and an option for each field of the recipe in place of its parameter `recipe`."""

    @wraps(command)
    def called(context: typer.Context, recipe_file: Path | None, **arguments: Any) -> R:
        values = {each.field: arguments.pop(each.field) for each in OPTIONS}
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
            if getattr(context.get_parameter_source(name), "name", "") != "DEFAULT"
        }
        base = Recipe() if recipe_file is None else read_recipe(recipe_file, QuantizationError)
        return command(recipe=replace(base, **given), **arguments)

    context = keyword("context", typer.Context, inspect.Parameter.empty)
    own = [context, keyword("recipe_file", RecipeFile, None), *map(_of_field, OPTIONS)]
    called.__signature__ = with_parameters(command, "recipe", own)  # type: ignore[attr-defined]
    return called


def _of_field(each: FieldOption) -> inspect.Parameter:
    option, repeatable = each.option, get_origin(each.kind) is tuple
    flags = f"{each.flag}/{each.negative}" if each.kind is bool else each.flag
    annotation = typer.Option(flags, metavar=option.metavar, min=option.least, help=option.help)
    kind = list[str] | None if repeatable else each.kind
    return keyword(each.field, Annotated[kind, annotation], None if repeatable else getattr(Recipe(), each.field))

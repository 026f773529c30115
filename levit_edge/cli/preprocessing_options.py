"""The options that change a checkpoint's preprocessing, for the commands that take them."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from levit_edge.cli.signatures import keyword, with_parameters
from levit_edge.data.options import INTERPOLATIONS, PreprocessingChanges
from levit_edge.errors import DataError

__all__ = ["with_preprocessing"]

R = TypeVar("R")
OPTIONS: dict[str, Any] = {
    "preprocessing": Annotated[
        Path | None,
        typer.Option(
            metavar="BUNDLE",
            help="A bundle whose preprocessing is taken instead of the checkpoint's own; other options go before it.",
        ),
    ],
    "resize": Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Length of the short side before the centre crop; the model's input size leaves images of that size"
            " as they are. [default: the checkpoint's own, or 256 for 224]",
        ),
    ],
    "crop": Annotated[
        str | None,
        typer.Option(
            metavar="center|squash|FRACTION",
            help="center keeps photographs' proportions, squash resizes both sides alike; 0.9 leaves that much of the"
            " resized side, instead of --resize. [default: the checkpoint's own, or center]",
        ),
    ],
    "interpolation": Annotated[
        str | None,
        typer.Option(
            metavar="|".join(INTERPOLATIONS),
            autocompletion=lambda incomplete: [each for each in INTERPOLATIONS if each.startswith(incomplete)],
            help="How photographs are resampled. [default: the checkpoint's own, or bicubic]",
        ),
    ],
    "mean": Annotated[
        str | None,
        typer.Option(
            metavar="R,G,B",
            help="Subtracted from red, green and blue in 0 … 1. [default: the checkpoint's own, or ImageNet's]",
        ),
    ],
    "std": Annotated[
        str | None,
        typer.Option(
            metavar="R,G,B", help="What they are divided by then. [default: the checkpoint's own, or ImageNet's]"
        ),
    ],
}


def with_preprocessing(command: Callable[..., R]) -> Callable[..., R]:
    """`command`, with an option for each field of `PreprocessingChanges` in place of its parameter `preprocessing`."""

    @wraps(command)
    def called(**arguments: Any) -> R:
        given = {name: arguments.pop(name) for name in OPTIONS}
        return command(preprocessing=_changes(**given), **arguments)

    own = [keyword(name, kind, None) for name, kind in OPTIONS.items()]
    called.__signature__ = with_parameters(command, "preprocessing", own)  # type: ignore[attr-defined]
    return called


def _changes(
    *,
    preprocessing: Path | None,
    resize: int | None,
    crop: str | None,
    interpolation: str | None,
    mean: str | None,
    std: str | None,
) -> PreprocessingChanges:
    """What the six options say.

    Raises:
        BundleError: `preprocessing` is no bundle.
        typer.BadParameter: wrong usage.
    """
    if preprocessing is not None:  # before work begins
        from levit_edge.bundle.reader import read_manifest

        read_manifest(preprocessing)
    try:
        return PreprocessingChanges(
            bundle=None if preprocessing is None else str(preprocessing),
            resize=resize,
            crop=crop,
            interpolation=interpolation,
            mean=None if mean is None else _three_numbers(mean, "--mean"),
            std=None if std is None else _three_numbers(std, "--std"),
        )
    except DataError as error:
        given = {"--resize": resize, "--crop": crop, "--interpolation": interpolation, "--mean": mean, "--std": std}
        names = ", ".join(name for name, value in given.items() if value is not None)
        raise typer.BadParameter(f"{error}.", param_hint=names) from error


def _three_numbers(text: str, option: str) -> tuple[float, float, float]:
    try:
        red, green, blue = map(float, text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text[:60]!r} is not three numbers such as 0.5,0.5,0.5.", param_hint=option
        ) from None
    return red, green, blue

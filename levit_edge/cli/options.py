"""Options that several commands share, so that they are called the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from levit_edge.runtime.kinds import Runtime

__all__ = ["BundlePath", "JsonOutput", "Limit", "MaxDrop", "RuntimeChoice", "SkipBadImages", "Workers"]

JsonOutput = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; messages on stderr.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Evaluate on a class-balanced sample of at most N images.")]
MaxDrop = Annotated[
    float | None,
    typer.Option(help="Gate: fail with exit status 4 if top-1 drops by more than this many percentage points."),
]
RuntimeChoice = Annotated[
    list[Runtime] | None, typer.Option("--runtime", help="Only this runtime; may be given twice. [default: both]")
]
SkipBadImages = Annotated[bool, typer.Option(help="Leave out images that cannot be read instead of failing.")]
Workers = Annotated[
    int | None, typer.Option(min=0, help="Processes that decode images. [default: one per core, at most 4]")
]
BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A folder made by `levit-edge quantize`.")]

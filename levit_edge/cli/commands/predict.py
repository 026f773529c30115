"""`levit-edge predict`: classify photographs with a bundle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.options import BundlePath, JsonOutput
from levit_edge.cli.terminal.console import print_json, say
from levit_edge.errors import DataError
from levit_edge.places import found_at
from levit_edge.text import faults

__all__ = ["predict"]


def predict(
    bundle: BundlePath,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Photographs to classify.")],
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many classes to show for each.")] = 5,
    runtime: Annotated[
        Runtime | None,
        typer.Option(
            help="Which runtime runs it: onnxruntime, if it has such a file, else executorch.", show_default=False
        ),
    ] = None,
    precision: Annotated[Precision, typer.Option(help="Which file of the bundle.")] = Precision.INT8,
    exif: Annotated[
        bool,
        typer.Option(
            "--exif/--no-exif",
            help="Turn photographs the way up that their EXIF says, or take them as they are stored, as `verify` does.",
        ),
    ] = True,
    json: JsonOutput = False,
) -> None:
    """Classify photographs with a bundle."""
    bundle = bundle_at_hand(bundle)
    _require_photographs(images)
    from levit_edge.bundle.from_hub import name_of
    from levit_edge.bundle.reader import Bundle
    from levit_edge.documents import to_json
    from levit_edge.runtime.evaluation.predict import predict as predict_images

    opened = Bundle.open(bundle)
    runtime = opened.artifact(runtime, precision).runtime
    predictions = predict_images(opened, images, top=top, runtime=runtime, precision=precision, exif=exif)
    if json:
        results = to_json(list(predictions))
        print_json(
            {
                "schema_version": 1,
                "bundle": name_of(bundle),
                "runtime": runtime,
                "precision": precision,
                "results": results,
            }
        )
        return
    for prediction in predictions:
        say(f"{prediction.image}{' (turned as its EXIF says)' if prediction.turned else ''}")
        for guess in prediction.guesses:
            say(f"  {guess.probability:7.2%}  {guess.label}")


def _require_photographs(images: Sequence[Path]) -> None:
    """Refuse paths that are no files; what else can be seen to be no photograph is named among them, in order.

    Raises:
        DataError: there are some.
    """
    found = {image: found_at(image) for image in images}
    if all(what == "is a file" for what in found.values()):
        return
    bad = [fault for image in images if (fault := _fault(image, found[image]))]
    raise DataError(faults(bad, len(images), "photograph", "cannot be read"))


def _fault(image: Path, found: str) -> str | None:
    from levit_edge.device.image import check_header

    if found != "is a file":
        return f"{image} {found}; expected a photograph."
    try:
        check_header(image)
    except DataError as error:
        return str(error)
    return None

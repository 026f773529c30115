"""`levit-edge predict`: classify photographs, a video or what a camera sees with a bundle."""

import signal
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.formats import Format
from levit_edge.cli.options import BundlePath, JsonOutput
from levit_edge.device.places import require_unread
from levit_edge.device.sheets import format_of
from levit_edge.errors import ExitStatus
from levit_edge.system.atomic import require_writable
from levit_edge.system.signals import last_signal

if TYPE_CHECKING:
    from levit_edge.data.frames import Frame
    from levit_edge.data.photographs import Photographs

__all__ = ["predict"]

Images = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGE",
        show_default=False,
        help="Photographs, folders of them, tar or parquet files, quoted patterns such as '2026/**/*.jpg'; -: the bytes"
        " of one on standard input.",
    ),
]
FromFile = Annotated[
    Path | None,
    typer.Option(
        metavar="LIST", help="A list of photographs, one a line or as find -print0 has them; -: standard input."
    ),
]
Video = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Classify the frames of a video (needs levit-edge[video]).")
]
Camera = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Classify what camera N sees, until Ctrl-C (needs levit-edge[video])."),
]
Frames = Annotated[int | None, typer.Option(min=1, metavar="N", help="End a video or a camera after so many frames.")]
Top = Annotated[int, typer.Option(min=1, metavar="N", help="How many classes to show for each.")]
RuntimeOption = Annotated[
    Runtime | None,
    typer.Option(
        help="Which runtime runs it. [default: onnxruntime, if it has such a file, else executorch]", show_default=False
    ),
]
Exif = Annotated[
    bool,
    typer.Option(
        "--exif/--no-exif",
        help="Turn photographs the way up that their EXIF says, or take them as they are stored, as `verify` does.",
    ),
]
Skip = Annotated[
    bool,
    typer.Option(
        "--skip-bad-images", help="Leave out what cannot be read with a warning, instead of exit status 3 at the end."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Processes that decode and classify photographs. [default: one; from 200 photographs on one per core, at"
        " most 4]",
    ),
]
Form = Annotated[
    Format | None,
    typer.Option("--format", help="How results are written. [default: as --output ends, or text]", show_default=False),
]
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results there, whole or not at all.")]


def predict(
    bundle: BundlePath,
    images: Images = None,
    from_file: FromFile = None,
    video: Video = None,
    camera: Camera = None,
    frames: Frames = None,
    top: Top = 5,
    runtime: RuntimeOption = None,
    precision: Annotated[Precision, typer.Option(help="Which file of the bundle.")] = Precision.INT8,
    exif: Exif = True,
    skip_bad_images: Skip = False,
    workers: Workers = None,
    form: Form = None,
    output: Output = None,
    json: JsonOutput = False,
) -> int:
    """Classify photographs, a video, or what a camera sees, with a bundle.

    Results go to standard output as they come; progress and what cannot be read, to standard error.
    """
    _require_one(bool(images or from_file), video, camera, frames)
    if not (images or from_file):
        _refuse_for_streams({"--no-exif": not exif, "--skip-bad-images": skip_bad_images, "--workers": workers})
    if json and form not in {None, Format.JSON}:
        raise typer.BadParameter(f"--json is --format json, and not {form}.", param_hint="--json")
    form = Format(format_of(Format.JSON if json else form, output))
    bundle = bundle_at_hand(bundle)
    if output is not None:
        require_writable(output, "--output")
        require_unread(output, [*filter(None, (from_file, video)), *bundle.iterdir()])
    found = _photographs(images or [], from_file, skip=skip_bad_images) if images or from_file else None
    if output is not None and found is not None:
        from levit_edge.data.photographs import files_of

        require_unread(output, files_of(found))
    stream = None if found is not None else _frames(video, camera, frames)
    from levit_edge.bundle.reader import Bundle
    from levit_edge.cli.classifying import Asked, classify_frames, classify_photographs
    from levit_edge.runtime.evaluation.predict import Network

    opened = Bundle.open(bundle)
    network, asked = Network.of(opened, runtime, precision), Asked(top=top, form=form, output=output)
    if found is not None:
        classify_photographs(opened, network, found, asked, exif=exif, skip=skip_bad_images, workers=workers)
        return ExitStatus.DONE
    interrupted = stream is not None and classify_frames(opened, network, stream, asked)
    own_end = camera is not None and last_signal() in {None, signal.SIGINT}
    return ExitStatus.INTERRUPTED if interrupted and not own_end else ExitStatus.DONE


def _require_one(photographs: bool, video: Path | None, camera: int | None, frames: int | None) -> None:
    """Refuse a call that names nothing to look at, or several kinds of it."""
    given = [photographs, video is not None, camera is not None]
    if sum(given) != 1:
        raise typer.BadParameter("give photographs, or --video, or --camera.", param_hint="IMAGE")
    if photographs and frames is not None:
        raise typer.BadParameter("goes with --video or --camera.", param_hint="--frames")


def _refuse_for_streams(given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value:
            raise typer.BadParameter("goes with photographs, not with --video or --camera.", param_hint=option)


def _photographs(words: Sequence[str], from_file: Path | None, *, skip: bool) -> "Photographs":
    from levit_edge.data.photographs import STANDARD_INPUT, find_photographs, listed_names

    if from_file is None:
        return find_photographs(words, skip=skip)
    if str(from_file) == STANDARD_INPUT and STANDARD_INPUT in words:
        raise typer.BadParameter("standard input is a list or a photograph, not both.", param_hint="--from-file")
    return find_photographs([*words, *listed_names(from_file)], skip=skip)


def _frames(video: Path | None, camera: int | None, most: int | None) -> "Generator[Frame, None, None]":
    """Not opened yet; what is not there is refused."""
    from levit_edge.data.frames import camera_frames, require_camera, require_video, video_frames

    if video is not None:
        require_video(video)
        return video_frames(video, most=most)
    require_camera(camera or 0)
    return camera_frames(camera or 0, most=most)

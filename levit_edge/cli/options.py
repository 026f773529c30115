"""Options that several commands share, so that they are called the same everywhere."""

import math
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.bundle.kinds import GateOn, Precision, Runtime
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.errors import BoardError
from levit_edge.model.config import CONFIGS, size_named
from levit_edge.model.source import require_checkpoint
from levit_edge.places import require_file


def model_sizes(incomplete: str) -> list[str]:
    """What a shell offers for `--model`."""
    return [size for size in CONFIGS if size.lower().startswith(incomplete.lower())]


def targets(incomplete: str) -> list[str]:
    """What a shell offers for `--on`, as far as it does not depend on the user's boards."""
    from levit_edge.board.transports.qemu import CPUS

    every = ("local", "web", "ssh://", "adb", *(f"qemu:{cpu}" for cpu in CPUS))
    return [target for target in every if target.startswith(incomplete)]


def bundles(incomplete: str) -> list[str]:
    """What a shell offers for a bundle: those in the folder that was begun; without any it offers files by itself."""
    folder, _, begun = incomplete.rpartition("/")
    place = Path(f"{folder}/") if "/" in incomplete else Path()
    before = incomplete[: len(incomplete) - len(begun)]
    try:
        names = sorted(each.parent.name for each in place.glob(f"*/{MANIFEST_FILE}"))
    except OSError:
        return []
    return [before + name for name in names if name.startswith(begun) and (begun.startswith(".") or name[0] != ".")]


SIZES = ", ".join(CONFIGS)
PLOT_SUFFIXES = (".png", ".svg")
PAGE_SUFFIXES = (".html", ".htm")

JsonOutput = Annotated[bool, typer.Option("--json", help="Print one JSON document and no progress.")]
Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Evaluate on a class-balanced sample of at most N images.")
]


def finite(points: float | None) -> float | None:
    """Refuse a limit that no drop is above, or is not."""
    if points is not None and not math.isfinite(points):
        raise typer.BadParameter(f"{points} is not a number of percentage points.", param_hint="--max-drop")
    return points


MaxDrop = Annotated[
    float | None,
    typer.Option(
        metavar="POINTS",
        callback=finite,
        help="Gate: fail with exit status 4 if top-1 drops by more than this many percentage points.",
    ),
]
GateOnChoice = Annotated[
    GateOn,
    typer.Option(
        "--gate-on",
        help="What --max-drop judges: the drop, or the upper end of its 95 % interval, which few images fail.",
    ),
]
AllowPoorFp32 = Annotated[
    bool,
    typer.Option("--allow-poor-fp32", help="Let the gate pass although fp32's own accuracy cannot be right."),
]
RuntimeChoice = Annotated[
    list[Runtime] | None,
    typer.Option("--runtime", metavar="|".join(Runtime), help="Only this runtime; may be given twice. [default: both]"),
]
Precisions = Annotated[
    list[Precision] | None,
    typer.Option(
        "--precision",
        metavar="|".join(Precision),
        help="Only files of this precision; may be repeated. [default: all that are for the board's processor]",
    ),
]
SkipBadImages = Annotated[
    bool, typer.Option("--skip-bad-images", help="Leave out images that cannot be read instead of failing.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Processes that decode and evaluate; 0: none besides this one. [default: one per core, at most 4]",
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--on",
        metavar="BOARD",
        autocompletion=targets,
        help="local, ssh://user@host:port, adb, adb:SERIAL, qemu:CPU, for bench also web (Chromium here); may be"
        " repeated. [default: local]",
    ),
]
Python = Annotated[
    str | None, typer.Option(metavar="PATH", help="The Python to use on the board. [default: --setup's, or python3]")
]
Timeout = Annotated[
    float | None, typer.Option(min=1, metavar="SECONDS", help="Give a board up that takes longer for all of it.")
]
SshConfig = Annotated[Path | None, typer.Option(metavar="FILE", help="Configuration of ssh, instead of your own.")]
Key = Annotated[
    Path | None,
    typer.Option(metavar="PUB", help="Require that a package is signed by this public key (PEM), in PACKAGE.sig."),
]
BundlePath = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE",
        autocompletion=bundles,
        help="A folder made by `levit-edge quantize`, or one of the hub: hf:owner/name[@REVISION].",
    ),
]

Model = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        autocompletion=model_sizes,
        help=f"The size: {SIZES}. Recognised from --checkpoint if that is given.",
    ),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|DIR|ID",
        help="Trained weights: original .pth, timm, a Hugging Face folder or model id."
        " [default: the published weights of --model]",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Which weights of a checkpoint that holds several, such as state_dict_ema; `inspect` lists them."
        " [default: those that its format's own evaluation takes]",
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        metavar="IMAGES", help="Images to calibrate on. [default: embedded photographs, which are not ImageNet]"
    ),
]
Classes = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="What the model's outputs are called: a name a line; or lines of folder,index. [default: by the names]",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A table of the evaluation images' classes: CSV, TSV or text, as val.txt."),
]
Devkit = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="ImageNet's ILSVRC2012_devkit_t12, .tar.gz or folder. [default: one beside the evaluation images]",
    ),
]
Only = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Calibrate only on the images that this file lists, one a line.")
]


def require_model(model: str | None, checkpoint: str | None) -> str | None:
    """The size that `model` names; refuses a call that names no network, no size, or a checkpoint that is not there.

    Raises:
        typer.BadParameter: wrong usage.
        CheckpointError: there is no such checkpoint.
    """
    if model is None and checkpoint is None:
        raise typer.BadParameter(f"give --model ({SIZES}), or --checkpoint, or both.", param_hint="--model")
    size = None if model is None else size_named(model)
    if model is not None and size is None:
        file = "" if "/" not in model and not Path(model).exists() else f" Is it a file? Type --checkpoint {model}"
        raise typer.BadParameter(f"{model!r} is not a LeViT size; expected one of {SIZES}.{file}", param_hint="--model")
    if checkpoint is not None:
        require_checkpoint(checkpoint)
    return size


def require_ssh_config(path: Path | None) -> None:
    """Refuse a value of --ssh-config that is no file.

    Raises:
        BoardError: it is so.
    """
    if path is not None:
        require_file(path, "a configuration of ssh", BoardError)


def is_page_name(path: Path) -> bool:
    """Whether a file of that name is a web page."""
    return path.suffix.lower() in PAGE_SUFFIXES


def is_package_place(path: Path) -> bool:
    """Whether it is called as a package of one file, or is the folder of a page."""
    if path.is_dir():
        from levit_edge.package.web.folder import is_page_folder

        return is_page_folder(path)
    return path.suffix.lower() == ".zip" or is_page_name(path)


def require_suffix(path: Path | None, suffixes: tuple[str, ...], option: str) -> None:
    """Refuse a file to write that is called otherwise than its kind.

    Raises:
        typer.BadParameter: wrong usage.
    """
    if path is not None and path.suffix.lower() not in suffixes:
        raise typer.BadParameter(f"{path} does not end in {' or '.join(suffixes)}.", param_hint=option)

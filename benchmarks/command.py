"""What the benchmarks' command lines share: options, the check of output paths, errors as one message and a status."""

import argparse
import json
import logging
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from levit_edge.cli.terminal.console import show_error
from levit_edge.documents import to_json
from levit_edge.errors import ExitStatus, LevitEdgeError
from levit_edge.model.config import CONFIGS, size_named

__all__ = [
    "add_model_options",
    "check_folders",
    "check_model",
    "command_line",
    "conclude",
    "model_size",
    "positive",
    "write_document",
]

T = TypeVar("T")


def add_model_options(parser: argparse.ArgumentParser, model_help: str) -> None:
    """--checkpoint, --model and --resize, as `levit-edge quantize` has them."""
    parser.add_argument("--checkpoint", help="trained weights, as for `levit-edge quantize`")
    parser.add_argument("--model", type=model_size, choices=CONFIGS, help=model_help)
    parser.add_argument("--resize", type=int, metavar="PIXELS", help="length of the short side before the centre crop")


def check_model(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with a usage error if nothing says which network."""
    if options.checkpoint is None and options.model is None:
        parser.error("give --model, or --checkpoint, or both")


def model_size(text: str) -> str:
    """A size as `CONFIGS` has it, however it was written; what is none stays as it is, for argparse to refuse."""
    return size_named(text) or text


def positive(text: str) -> int:
    """An option's value that counts something.

    Raises:
        ArgumentTypeError: it is less than 1.
    """
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a count: give 1 or more")
    return number


def check_folders(parser: argparse.ArgumentParser, outputs: dict[str, Path | None]) -> None:
    """End with a usage error, before any work, if the file of an option cannot be written where it is wanted."""
    for option, path in outputs.items():
        if path and not path.parent.is_dir():
            parser.error(f"{option}: {path.parent} is not a folder")


def command_line(command: str, arguments: Sequence[str]) -> str:
    """The command as it was typed, for the document."""
    return shlex.join(["python", "-m", f"benchmarks.{command}", *arguments])


def write_document(document: object, output: Path) -> None:
    """All of it or nothing, so that an interruption leaves what was there."""
    unfinished = output.with_name(f".{output.name}.partial")
    unfinished.write_text(json.dumps(to_json(document), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(output)


def conclude(
    work: Callable[[], T],
    output: Path | None,
    show: Callable[[T], None],
    *,
    interrupted: str = "nothing was written",
) -> int:
    """Do the work, write its document, show it; the exit status. Errors of the user become one message on stderr.

    `interrupted` says what Ctrl-C leaves.
    """
    for library in ("torchao", "torch.utils._pytree"):  # warn of GPU kernels and of each other when imported
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        document = work()
        if output:
            write_document(document, output)
        show(document)
    except LevitEdgeError as error:
        show_error(str(error))
        return ExitStatus.BAD_INPUT
    except OSError as error:
        show_error(f"{error.filename}: {error.strerror}.")
        return ExitStatus.BAD_INPUT
    except KeyboardInterrupt:
        show_error(f"interrupted; {interrupted}.")
        return ExitStatus.INTERRUPTED
    return ExitStatus.DONE

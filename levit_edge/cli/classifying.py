"""What `predict` does once its words are understood: photographs or frames through a network, and onto a sheet."""

import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levit_edge.bundle.from_hub import name_of
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.formats import Format
from levit_edge.cli.show.predictions import outcome_document
from levit_edge.cli.terminal.console import say, show_note, show_warning, stderr
from levit_edge.cli.terminal.encoding import can_write
from levit_edge.cli.terminal.live import Figures, live_figures
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.frames import Frame
from levit_edge.data.loader import BadImage
from levit_edge.data.photographs import Photographs
from levit_edge.device.file_kinds import with_advice
from levit_edge.device.sheets import Sheet, sheet_of
from levit_edge.documents import UNPAIRED
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.predict import Network, outcomes
from levit_edge.runtime.evaluation.stream import frame_predictions
from levit_edge.system.atomic import reserved, write_whole
from levit_edge.system.progress import Stages
from levit_edge.text import counted, faults

__all__ = ["Asked", "classify_frames", "classify_photographs"]

ANY_CHARACTER = "☃"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to do with what is seen."""

    top: int
    form: Format
    output: Path | None
    """The file to write; None: standard output."""

    @property
    def only_a_document(self) -> bool:
        """Whether nothing but JSON is to be shown, unless it fails."""
        return self.form is Format.JSON and self.output is None

    @property
    def on_terminal(self) -> bool:
        """Whether the user sees each line as it is written."""
        return self.output is None and sys.stdout.isatty()


def classify_photographs(
    bundle: Bundle,
    network: Network,
    found: Photographs,
    asked: Asked,
    *,
    exif: bool,
    skip: bool,
    workers: int | None,
) -> None:
    """Write what each photograph shows; those that cannot be read come in their places, and are named at the end.

    Raises:
        DataError: some cannot be read, and they are not to be skipped, or none can; all others are written.
    """
    for word, counts in found.passed_over.items():
        show_note(f"{word}: {with_advice(counts)}")
    quiet, bad, start = asked.only_a_document or asked.on_terminal, list[str](), time.monotonic()
    stages = Stages(None if quiet else TerminalListener(brief=True))
    with (
        _written(asked, _sheet(bundle, network, asked)) as write,
        stages.stage("classify", total=len(found.images)) as advance,
        closing(outcomes(network, found.images, top=asked.top, exif=exif, workers=workers)) as coming,
    ):
        for outcome in coming:
            write(outcome)
            advance(1)
            if isinstance(outcome, BadImage):
                bad.append(f"{outcome.path}: {outcome.reason}")
    seconds = time.monotonic() - start
    if len(found.images) > 1 and not asked.only_a_document:
        many = counted(len(found.images), "photograph")
        say(f"{many} in {seconds:.1f} s: {len(found.images) / seconds:.1f} images/s", to=stderr)
    _tell_of_bad(bad, len(found.images), skip=skip)


def _tell_of_bad(bad: Sequence[str], among: int, *, skip: bool) -> None:
    if bad and skip and len(bad) < among:
        show_warning(f"left out: {faults(bad, among, 'photograph', 'cannot be read')}")
    elif bad:
        raise DataError(faults(bad, among, "photograph", "cannot be read"))


def classify_frames(bundle: Bundle, network: Network, frames: Generator[Frame, None, None], asked: Asked) -> bool:
    """Write what each frame shows until there are no more, or until the user interrupts, which the answer says.

    What was seen until then is written all the same, also where the frames behind cannot be read.

    Raises:
        DataError: frames cannot be read.
    """
    figures, interrupted, fault = Figures(), False, None
    shown = not (asked.on_terminal and asked.form is Format.TEXT)  # the live line says it there
    with (
        _written(asked, _sheet(bundle, network, asked, frames=True)) as write,
        live_figures(figures, quiet=asked.only_a_document),
    ):
        try:
            with closing(frames), closing(frame_predictions(network, frames, top=asked.top)) as coming:
                for seen in coming:
                    figures.add(seen)
                    if shown:
                        write(seen)
        except KeyboardInterrupt:
            interrupted = True
        except DataError as error:
            if not figures.frames:
                raise
            fault = error
    if fault is not None:
        raise fault
    return interrupted


def _sheet(bundle: Bundle, network: Network, asked: Asked, *, frames: bool = False) -> Sheet:
    head: dict[str, Any] = {
        "schema_version": 1,
        "bundle": name_of(bundle.path),
        "runtime": network.model.runtime,
        "precision": network.precision,
    }
    narrow = asked.output is None and not can_write(ANY_CHARACTER, sys.stdout)
    return sheet_of(asked.form, head, frames=frames, ascii_only=narrow)


@contextmanager
def _written(asked: Asked, sheet: Sheet) -> Iterator[Any]:
    """What adds an outcome to the sheet: on standard output as it comes, or to a file that appears whole at the end."""
    place: AbstractContextManager[None] = nullcontext() if asked.output is None else reserved(asked.output, "--output")
    parts = list[str]()

    def put(text: str) -> None:
        if asked.output is not None:
            parts.append(text)
        elif text:
            sys.stdout.write(text)
            sys.stdout.flush()

    with place:
        put(sheet.begin())
        yield lambda outcome: put(sheet.add(outcome_document(outcome)))
        put(sheet.end())
        if asked.output is not None:
            write_whole(asked.output, "".join(parts).encode("utf-8", UNPAIRED), "--output")

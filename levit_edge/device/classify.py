"""What `run.py` does with photographs and a camera: through the model, and onto a sheet.

Runs with Python 3.9: packages for boards carry this file.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Callable

from PIL import Image

from levit_edge.device.camera import open_camera
from levit_edge.device.errors import DataError
from levit_edge.device.file_kinds import with_advice
from levit_edge.device.image import decoding_fault
from levit_edge.device.photographs import find_photographs, listed_names
from levit_edge.device.places import require_unread
from levit_edge.device.ranking import softmax, top_classes
from levit_edge.device.sheets import Document, format_of, sheet_of
from levit_edge.device.unpacked import Run, UnpackedPackage
from levit_edge.device.words import counted, harmless

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_CHANGES = 0.25
LISTED = 10
Write = Callable[[Document], None]


def classify(package: UnpackedPackage, run: Run, model: Any, chosen: argparse.Namespace) -> None:
    """Write what photographs show, or a camera sees, in the form that was `chosen`.

    Raises:
        DataError: photographs cannot be read, and are not to be skipped: all others are written; or the camera cannot.
        RuntimeUnavailableError: the runtime fails.
    """
    form, labels = format_of(chosen.format, chosen.output), package.labels()
    head = {"schema_version": 1, "package": package.folder.name, "runtime": model["runtime"]}
    narrow = chosen.output is None and (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    head["precision"] = model["precision"]
    sheet = sheet_of(form, head, frames=chosen.camera is not None, ascii_only=narrow)

    def guesses(logits: Any) -> list[Document]:
        probabilities = softmax(logits)
        return [
            {"index": index, "label": labels[index], "probability": float(probabilities[index])}
            for index in top_classes(logits, chosen.top)
        ]

    with _written(sheet, chosen.output, package.folder.iterdir()) as write:
        if chosen.camera is None:
            bad = _photographs(package, lambda image: guesses(run(image)), chosen, write)
        else:
            seen_elsewhere = form == "text" and chosen.output is None and sys.stdout.isatty() and sys.stderr.isatty()
            bad = _camera(package, lambda image: guesses(run(image)), chosen, None if seen_elsewhere else write)
    if bad:
        raise DataError(bad)


def _photographs(package: UnpackedPackage, see: Run, chosen: argparse.Namespace, write: Write) -> str:
    """Classify them; the answer is what is wrong with some, or nothing."""
    words = [*chosen.photographs, *(listed_names(chosen.from_file) if chosen.from_file else [])]
    found = find_photographs(words, skip=chosen.skip_bad_images)
    if found.bad:
        raise DataError(_faults(found.bad, len(words)))
    if chosen.output is not None:
        read = (image for image in found.images if isinstance(image, Path))
        require_unread(chosen.output, itertools.chain(read, filter(None, [chosen.from_file])))
    for word, counts in found.passed_over.items():
        print(f"note: {harmless(word)}: {with_advice(counts)}", file=sys.stderr)
    bad, start, said = [], time.monotonic(), time.monotonic()
    for place, image in enumerate(found.images, 1):
        try:
            inputs, turned = package.read_photograph(image, exif=not chosen.no_exif)
            write({"image": str(image), "guesses": see(inputs), "turned": turned})
        except DataError as error:
            fault = decoding_fault(image, error)
            bad.append(f"{image}: {fault}")  # what is wrong with its shape does not name it
            write({"image": str(image), "error": fault})
        if time.monotonic() >= said + SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            rate = place / (said - start)
            left = (len(found.images) - place) / rate
            print(f"{place}/{len(found.images)}, {rate:.1f} images/s, {left:.0f} s left", file=sys.stderr)
    if len(found.images) > 1:
        seconds = max(time.monotonic() - start, 1e-9)
        many = counted(len(found.images), "photograph")
        print(f"{many} in {seconds:.1f} s: {len(found.images) / seconds:.1f} images/s", file=sys.stderr)
    if bad and chosen.skip_bad_images and len(bad) < len(found.images):
        print(f"warning: left out: {harmless(_faults(bad, len(found.images)))}", file=sys.stderr)
        return ""
    return _faults(bad, len(found.images)) if bad else ""


def _camera(package: UnpackedPackage, see: Run, chosen: argparse.Namespace, write: Write | None) -> str:
    """Classify what a camera sees, until Ctrl-C or until it gives no more, which is the answer."""
    figures, fault = _Figures(drawn=sys.stderr.isatty()), ""
    try:
        with open_camera(chosen.camera) as capture:
            while figures.frames < (chosen.frames or float("inf")):
                picture = Image.fromarray(capture())
                began = time.monotonic()
                inputs = package.preprocess(picture)
                ready = time.monotonic()
                guesses = see(inputs)
                outcome = figures.add(began, ready, time.monotonic(), guesses)
                if write is not None:
                    write(outcome)
    except KeyboardInterrupt:
        pass
    except DataError as error:
        if not figures.frames:
            raise
        fault = str(error)
    figures.summary()
    return fault


class _Figures:
    """Frames per second, and what each takes: on a terminal one line that changes, else a line every ten seconds."""

    def __init__(self, *, drawn: bool) -> None:
        self.frames = 0
        self._drawn, self._said = drawn, 0.0
        self._first = self._last = 0.0
        self._preprocessing_ms = self._inference_ms = 0.0

    def add(self, began: float, ready: float, done: float, guesses: list[Document]) -> Document:
        """One more frame, by the clock; its row."""
        self._first = self._first if self.frames else done
        self._last = done
        outcome = {
            "frame": self.frames,
            "at_s": round(done - self._first, 3),
            "guesses": guesses,
            "preprocessing_ms": round(1000 * (ready - began), 3),
            "inference_ms": round(1000 * (done - ready), 3),
        }
        self.frames += 1
        self._preprocessing_ms += 1000 * (ready - began)
        self._inference_ms += 1000 * (done - ready)
        if done >= self._said + (SECONDS_BETWEEN_CHANGES if self._drawn else SECONDS_BETWEEN_LINES):
            self._said = done
            best = f"{guesses[0]['label']} {guesses[0]['probability']:.1%}"
            begin, end = ("\r\033[K", "") if self._drawn else ("", "\n")
            print(f"{begin}{self._line()}: {best}", end=end, file=sys.stderr, flush=True)
        return outcome

    def _line(self) -> str:
        seconds = self._last - self._first
        rate = f"{(self.frames - 1) / seconds:.1f} frames/s, " if seconds else ""
        preprocessing, inference = self._preprocessing_ms / self.frames, self._inference_ms / self.frames
        many = counted(self.frames, "frame")
        return f"{many}: {rate}preprocessing {preprocessing:.1f} ms, inference {inference:.1f} ms"

    def summary(self) -> None:
        """Of all that was seen."""
        begin = "\r\033[K" if self._drawn else ""
        print(begin + (self._line() if self.frames else "no frame was seen"), file=sys.stderr)


@contextlib.contextmanager
def _written(sheet: Any, output: Path | None, package_files: Iterable[Path]) -> Iterator[Write]:
    """What adds an outcome to the sheet: on standard output as it comes, or to a file that appears whole at the end."""
    parts: list[str] = []

    def put(text: str) -> None:
        if output is not None:
            parts.append(text)
        elif text:
            sys.stdout.write(text)
            sys.stdout.flush()

    if output is not None:
        require_unread(output, package_files)
    if output is not None and not output.parent.is_dir():
        raise DataError(f"{output.parent} is no folder, so {output.name} cannot be written there.")
    if output is not None and output.is_dir():
        raise DataError(f"{output} is a folder; expected a file to write the results to.")
    put(sheet.begin())
    yield lambda outcome: put(sheet.add(outcome))
    put(sheet.end())
    if output is not None:
        partial = output.with_name(f".{output.name}.partial-{os.getpid()}")
        try:
            partial.write_bytes("".join(parts).encode("utf-8", "backslashreplace"))
            partial.replace(output)
        except OSError as error:
            raise DataError(f"{output} cannot be written: {error.strerror}.") from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()


def _faults(bad: Any, among: int) -> str:
    """That fault itself, or how many there are and the first of them."""
    if len(bad) == 1:
        return str(bad[0])
    listed = [*bad[:LISTED], *([f"and {len(bad) - LISTED:,} more"] if len(bad) > LISTED else [])]
    return "\n  ".join([f"{len(bad)} of {counted(among, 'photograph')} cannot be read:", *listed])

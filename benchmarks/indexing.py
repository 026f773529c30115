"""What finding the images of a tar file takes: `python -m benchmarks.indexing`.

A flat validation tar of made-up JPEG files of some hundred bytes, and Caffe's table of their classes: what counts is
how many there are. Each number is that of a process that does nothing else.
"""

import io
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from levit_edge.data.sources.open import open_source

KIB_PER_MIB = 1024


def write_set(folder: Path, images: int) -> tuple[Path, Path]:
    """A tar file of so many pictures, and the table of their classes."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, images + 1)]
    with tarfile.open(folder / "ILSVRC2012_img_val.tar", "w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(buffer.getvalue())
            archive.addfile(member, io.BytesIO(buffer.getvalue()))
    rows = (f"{name} {number % 1000}\n" for number, name in enumerate(names))
    (folder / "val.txt").write_text("".join(rows))
    return folder / "ILSVRC2012_img_val.tar", folder / "val.txt"


def index(source: Path, labels: Path) -> str:
    """Find the images of `source` in this process, and say what it took."""
    started = time.monotonic()
    found = open_source(source, labels=labels)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (
        f"{len(found):,} images: {used.ru_utime + used.ru_stime:.1f} processor seconds,"
        f" {time.monotonic() - started:.1f} s in all, peak {used.ru_maxrss / KIB_PER_MIB:.0f} MiB"
    )


def command(
    images: Annotated[int, typer.Option(help="How many there are.")] = 50_000,
    source: Annotated[Path | None, typer.Option(hidden=True)] = None,
    labels: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure what finding the images of a tar file takes."""
    if source is not None and labels is not None:
        typer.echo(index(source, labels))
        return
    with tempfile.TemporaryDirectory() as folder:
        tar, table = write_set(Path(folder), images)
        words = [sys.executable, "-m", "benchmarks.indexing", "--source", str(tar), "--labels", str(table)]
        subprocess.run(words, check=True)


if __name__ == "__main__":
    typer.run(command)

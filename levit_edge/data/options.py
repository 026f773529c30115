"""How a run takes its images: the options that every step which reads images shares."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DEFAULTS", "ImageOptions"]


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """How images are chosen and read; each default is what suits most runs."""

    resize: int | None = None
    """Pixels of the short side before the centre is cut out; None: what the model was trained with. A bundle keeps its
    own, so `verify` takes none."""
    limit: int | None = None
    """Evaluate on a class-balanced sample of at most so many images; None: all."""
    labels: Path | None = None
    """A table of files and classes for the evaluation images; see `levit_edge.data.sources.table`."""
    devkit: Path | None = None
    """The development kit of ILSVRC 2012, which tells the classes of ImageNet's validation images."""
    classes: Path | None = None
    """A table of the model's classes, which decides what a label stands for against all else; see
    `levit_edge.data.class_table.read_class_table`."""
    only: Path | None = None
    """A list of the images to take, one on each line: of those to calibrate on where there are such, else of those to
    evaluate on."""
    skip_bad_images: bool = False
    """Leave out images that cannot be read, which otherwise end the run."""
    workers: int | None = None
    """Processes that share the images; 0: this one alone; None: what suits their number, at most four. Results are the
    same to the last digit."""

    def processes(self, default: int) -> int:
        """`workers`, or else `default`."""
        return default if self.workers is None else self.workers


DEFAULTS = ImageOptions()

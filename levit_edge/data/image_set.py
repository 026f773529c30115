"""The images of a run, wherever they are and whatever tells their classes: what every command reads."""

from dataclasses import replace
from pathlib import Path

from levit_edge.data.imagefolder import ImageSet, class_labels
from levit_edge.data.imagenet import synsets
from levit_edge.data.named_sets import Use, fetch_set, is_named_set
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.data.sources.found import Found, LabelKind, Labels
from levit_edge.data.sources.open import open_source
from levit_edge.errors import DataError

__all__ = ["calibration_images", "evaluation_images"]


def calibration_images(source: Path, options: ImageOptions = DEFAULTS) -> ImageSet:
    """The images at `source`, or of the public set of that name, to calibrate on: of `options`, `only` counts.

    Labels, where there are any, only tell classes apart, for `balanced_sample`.

    Raises:
        DataError: see `levit_edge.data.sources.open.open_source`.
        DownloadError: a set cannot be fetched.
    """
    return _image_set(_open(source, Use.CALIBRATION, ImageOptions(only=options.only)), None)


def evaluation_images(source: Path, classes: int, options: ImageOptions = DEFAULTS) -> ImageSet:
    """The images at `source`, or of the public set of that name, labelled with the indices of `classes` outputs.

    Of `options`, `labels`, `devkit` and `only` count.

    Raises:
        DataError: see `levit_edge.data.sources.open.open_source`; or the labels do not fit the outputs.
        DownloadError: a set cannot be fetched.
    """
    return _image_set(_open(source, Use.EVALUATION, options), classes)


def _open(source: Path, use: Use, options: ImageOptions) -> Found:
    path = fetch_set(str(source), use) if is_named_set(source) else source
    found = open_source(path, labels=options.labels, only=options.only, devkit=options.devkit)
    return replace(found, source=str(source))


def _image_set(found: Found, classes: int | None) -> ImageSet:
    labels, class_names = (None, None) if found.labels is None else _indices(found, found.labels, classes)
    return ImageSet(
        root=Path(found.source),
        images=found.images,
        labels=labels,
        class_names=class_names,
        names=found.names,
        present=None if labels is None else tuple(sorted(set(labels))),
    )


def _indices(found: Found, labels: Labels, classes: int | None) -> tuple[tuple[int, ...], tuple[str, ...] | None]:
    """The index of each image's class, and the names of the classes in their order, if they have names."""
    if labels.kind is LabelKind.INDICES:
        indices = tuple(map(int, labels.of_images))
        for name, index in zip(found.names, indices, strict=True):
            if classes is not None and index >= classes:
                raise DataError(f"{found.source}: {name}: label {index}, but the model has {classes} classes")
        return indices, synsets() if classes == len(synsets()) else None
    if labels.kind is LabelKind.NAMES and labels.classes is not None and classes in {None, len(labels.classes)}:
        place = {name: index for index, name in enumerate(labels.classes)}
        return tuple(place[name] for name in labels.of_images), labels.classes
    of_folder, names = class_labels(found.source, tuple(sorted({*labels.of_images, *(labels.classes or ())})), classes)
    return tuple(of_folder[name] for name in labels.of_images), names

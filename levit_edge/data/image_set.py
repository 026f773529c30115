"""The images of a run, wherever they are and whatever tells their classes: what every command reads."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from levit_edge.data.classes import ClassPairing, ModelClasses
from levit_edge.data.image_tables import ImageTables
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.named_sets import Use, fetch_set, is_named_set
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.data.pairing import outputs_as_labels, pair_classes
from levit_edge.data.sources.found import Found, LabelKind, Labels
from levit_edge.data.sources.open import open_source

__all__ = ["calibration_images", "evaluation_images"]


def calibration_images(source: Path, options: ImageOptions = DEFAULTS) -> ImageSet:
    """The images at `source`, or of the public set of that name, to calibrate on: of `options`, `only` counts.

    Labels, where there are any, only tell classes apart, for `balanced_sample`.

    Raises:
        DataError: see `levit_edge.data.sources.open.open_source`.
        DownloadError: a set cannot be fetched.
    """
    options = ImageOptions(only=options.only)
    return _image_set(_open(source, Use.CALIBRATION, options), None, options)


def evaluation_images(source: Path, model: ModelClasses, options: ImageOptions = DEFAULTS) -> ImageSet:
    """The images at `source`, or of the public set of that name, labelled with the outputs of `model`.

    Of `options`, `labels`, `devkit` and `only` count; `classes` is that of `model`, and recorded.

    Raises:
        DataError: see `levit_edge.data.sources.open.open_source` and `levit_edge.data.pairing.pair_classes`.
        DownloadError: a set cannot be fetched.
    """
    return _image_set(_open(source, Use.EVALUATION, options), model, options)


def _open(source: Path, use: Use, options: ImageOptions) -> Found:
    path = fetch_set(str(source), use) if is_named_set(source) else source
    found = open_source(path, labels=options.labels, only=options.only, devkit=options.devkit)
    return replace(found, source=str(source))


def _image_set(found: Found, model: ModelClasses | None, options: ImageOptions) -> ImageSet:
    labels, pairing = None, None
    if found.labels is not None:
        distinct = _distinct(found.labels)
        told_by = found.source if options.labels is None else f"{found.source}, labelled by {options.labels}"
        pairing = None if model is None else _pairing(told_by, found.labels, distinct, model)
        index = {label: place for place, label in enumerate(distinct)} if pairing is None else pairing.index
        labels = tuple(index[label] for label in found.labels.of_images)
    return ImageSet(
        root=Path(found.source),
        images=found.images,
        labels=labels,
        pairing=pairing,
        names=found.names,
        present=None if labels is None else tuple(sorted(set(labels))),
        tables=ImageTables.of(options),
        passed_over=found.passed_over,
    )


def _distinct(labels: Labels) -> tuple[str, ...]:
    """Each label once: in the order of the source's own list, or else sorted."""
    return labels.classes or tuple(sorted(set(labels.of_images)))


def _pairing(told_by: str, labels: Labels, distinct: Sequence[str], model: ModelClasses) -> ClassPairing:
    labels.require_meaning()
    if labels.kind is LabelKind.INDICES:
        return outputs_as_labels(told_by, distinct, model)
    filled = set(labels.of_images)
    if labels.kind is not LabelKind.NAMES or labels.classes is None:
        empty = {label for label in distinct if label not in filled}
        return pair_classes(told_by, distinct, model, empty=empty)
    if model.names is None and model.table is None:
        return pair_classes(told_by, distinct, model, in_order=True)
    return pair_classes(told_by, [label for label in distinct if label in filled], model)

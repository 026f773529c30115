"""Whether what a plan names on this machine is there: the first question to it, which costs nothing."""

from pathlib import Path
from typing import TypeGuard

from levit_edge.data.class_table import read_class_table
from levit_edge.data.named_sets import NAMED_SETS, or_a_set
from levit_edge.errors import BundleError, DataError, LevitEdgeError
from levit_edge.model.source import has_hub_form, require_checkpoint
from levit_edge.places import found_at, require_file
from levit_edge.sweep.plan import SweepPlan

__all__ = ["require_present"]

NOT_PLAIN = ("://", "::", "*", "?", "[", "{", "pipe:")
"""What makes a location more than the path of one file or folder here: URLs and patterns are looked up later."""


def require_present(plan: SweepPlan) -> None:
    """Refuse a plan that names a file or folder of this machine which does not exist.

    Raises:
        CheckpointError: it is a checkpoint.
        BundleError: it is the bundle whose preprocessing a checkpoint is to have.
        DataError: it is the images, or a list about them.
    """
    for checkpoint in plan.checkpoints:
        if _is_plain(checkpoint.path) and not has_hub_form(checkpoint.path):
            require_checkpoint(checkpoint.path)
        _require(checkpoint.preprocessing, "the folder of a bundle", BundleError)
    for images in (plan.calibration.images, plan.evaluation.images):
        if images not in NAMED_SETS:
            _require(images, f"images: a folder, tar files or parquet files; {or_a_set()}", DataError)
    for only in (plan.calibration.only, plan.evaluation.only):
        _require_file(only, "a list of images")
    _require_file(plan.evaluation.labels, "a table of files and classes")
    _require_file(plan.evaluation.classes, "a table of classes")
    if plan.evaluation.classes is not None:
        read_class_table(Path(plan.evaluation.classes))
    _require(plan.evaluation.devkit, "ImageNet's development kit", DataError)


def _require(location: str | None, expected: str, error: type[LevitEdgeError]) -> None:
    if _is_plain(location) and (found := found_at(Path(location))) not in {"is a file", "is a folder"}:
        raise error(f"{location} {found}; expected {expected}.")


def _require_file(path: str | None, expected: str) -> None:
    if path is not None:
        require_file(Path(path), expected, DataError)


def _is_plain(location: str | None) -> TypeGuard[str]:
    return location is not None and not any(each in location for each in NOT_PLAIN)

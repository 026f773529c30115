"""The class names that training scripts save beside weights, in the order of the outputs, or left out and told."""

import argparse
from pathlib import Path

import pytest
import torch
from torch import Tensor

from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.class_lists import class_lists

State = dict[str, Tensor]
NAMES = ("hat", "boot", "coat", "dress", "shoe", "skirt", "shirt", "pants", "shorts", "t-shirt")
"""In no sorted order."""
TO_INDEX = {name: index for index, name in enumerate(NAMES)}


def read(state: State, folder: Path, **beside: object) -> Checkpoint:
    torch.save({"state_dict": state, "epoch": 3, **beside}, folder / "levit.pth")
    return read_checkpoint(folder / "levit.pth")


@pytest.mark.parametrize(
    ("beside", "entry"),
    [
        ({"classes": list(NAMES)}, "classes"),
        ({"class_to_idx": dict(sorted(TO_INDEX.items()))}, "class_to_idx"),
        ({"idx_to_class": dict(enumerate(NAMES))}, "idx_to_class"),
        ({"id2label": {str(index): name for index, name in enumerate(NAMES)}}, "id2label"),
        ({"args": argparse.Namespace(lr=0.1, class_names=NAMES)}, "args.class_names"),
        ({"meta": {"CLASSES": NAMES}}, "meta.CLASSES"),
        ({"meta": {"dataset_meta": {"classes": NAMES}}}, "meta.dataset_meta.classes"),
        (
            {"hyper_parameters": {"classes": list(NAMES)}, "class_to_idx": TO_INDEX},
            "hyper_parameters.classes, class_to_idx",
        ),
    ],
)
def test_class_names_beside_the_weights(
    demo_state: State, beside: dict[str, object], entry: str, tmp_path: Path
) -> None:
    found = read(demo_state, tmp_path, **beside)
    assert found.labels == NAMES
    assert found.notes == (f"class names: those in its entry {entry}",)


@pytest.mark.parametrize(
    ("beside", "notes"),
    [
        ({"classes": ["a", "b"]}, ("class names for another number than its 10 outputs left out: classes (2 names)",)),
        (
            {"classes": NAMES, "class_to_idx": {name: place for place, name in enumerate(sorted(NAMES))}},
            ("its entries classes, class_to_idx name its classes differently: none was taken",),
        ),
        ({"classes": 10}, ()),
        ({"labels": [0, 1, 2]}, ()),
        ({"class_to_idx": {name: index + 1 for name, index in TO_INDEX.items()}}, ()),
        ({"id2label": {index: f"LABEL_{index}" for index in range(10)}}, ()),
    ],
)
def test_names_that_do_not_fit_are_left_out_and_told(
    demo_state: State, beside: dict[str, object], notes: tuple[str, ...], tmp_path: Path
) -> None:
    found = read(demo_state, tmp_path, **beside)
    assert (found.labels, found.notes) == (None, notes)


def test_a_table_in_a_million_places_is_looked_into_once() -> None:
    inner = {f"b{place}": {"classes": list(NAMES)} for place in range(2)}
    inner |= dict.fromkeys(map(str, range(100_000)), inner["b0"])
    outer: dict[str, object] = dict.fromkeys(map(str, range(100_000)), inner)
    assert [each.place for each in class_lists(outer)] == ["0.b0.classes", "0.b1.classes"]

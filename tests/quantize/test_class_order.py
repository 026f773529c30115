"""A checkpoint whose outputs stand in no sorted order: its own names pair them, and the accuracy is the right one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from levit_edge import demo
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.options import ImageOptions
from levit_edge.errors import DataError
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.download import resolve_checkpoint
from levit_edge.quantize.prepare import Prepared, prepare
from levit_edge.system.progress import Stages

ORDER = (7, 2, 9, 0, 5, 1, 8, 3, 6, 4)
NAMES = tuple(sorted(folder.name for folder in demo.evaluation_dir().iterdir() if folder.is_dir()))


def shuffled(path: Path, names: tuple[str, ...] | None) -> Path:
    """The demo's weights with their outputs in `ORDER`, called `names`."""
    state = read_checkpoint(resolve_checkpoint(None, "demo")).model.state_dict()
    moved = {
        key: value[list(ORDER)].clone() if key.startswith("head.l.") else value.clone() for key, value in state.items()
    }
    save_file(moved, path, {} if names is None else {"labels": json.dumps(names)})
    return path


def prepared(checkpoint: Path, classes: Path | None = None) -> Prepared:
    return prepare(
        checkpoint=checkpoint,
        size=None,
        recipe=Recipe(),
        calibration=None,
        evaluation=demo.evaluation_dir(),
        options=ImageOptions(workers=0, classes=classes),
        stages=Stages(),
        warn=lambda _: None,
    )


def top1(run: Prepared) -> float:
    images, right = run.images.evaluation, 0
    with Decoder(images.images, run.preprocessing, run.options) as decoder, torch.no_grad():
        for indices, batch in batches(decoder, 30):
            found = run.trained.model(torch.from_numpy(batch)).argmax(1).numpy()
            right += int((found == np.array([(images.labels or ())[index] for index in indices])).sum())
    return 100 * right / len(images)


def test_names_pair_outputs_in_any_order(tmp_path: Path) -> None:
    expected = top1(prepared(resolve_checkpoint(None, "demo")))
    named = prepared(shuffled(tmp_path / "named.safetensors", tuple(NAMES[place] for place in ORDER)))
    assert top1(named) == expected
    assert expected > 60


def test_a_table_pairs_the_outputs_of_a_model_without_names(tmp_path: Path) -> None:
    nameless = shuffled(tmp_path / "nameless.safetensors", None)
    table = tmp_path / "classes.txt"
    table.write_text("\n".join(NAMES[place] for place in ORDER))
    assert top1(prepared(nameless, table)) == top1(prepared(resolve_checkpoint(None, "demo")))
    assert top1(prepared(nameless)) < 40  # in sorted order, which is wrong and all that can be known


def test_names_of_another_task_are_refused(tmp_path: Path) -> None:
    foreign = shuffled(tmp_path / "foreign.safetensors", tuple(f"breed {letter}" for letter in "abcdefghij"))
    with pytest.raises(DataError, match=r"none of its labels is among the model's classes\. Labels: dress, hat"):
        prepared(foreign)

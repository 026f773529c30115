"""A checkpoint whose outputs stand in no sorted order: its own names pair them, and the accuracy is the right one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from levit_edge import demo
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.options import ImageOptions
from levit_edge.errors import DataError
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.config import CONFIGS
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.key_maps import CheckpointFormat, file_keys
from levit_edge.quantize.prepare import Prepared, prepare
from levit_edge.system.progress import Stages

ORDER = (7, 2, 9, 0, 5, 1, 8, 3, 6, 4)
EVALUATION = demo.evaluation_dir()
NAMES = tuple(sorted(folder.name for folder in demo.evaluation_dir().iterdir() if folder.is_dir()))


def shuffled(path: Path, names: tuple[str, ...] | None) -> Path:
    """The demo's weights with their outputs in `ORDER`, called `names`."""
    state = read_checkpoint(resolve_checkpoint(None, "demo")).model.state_dict()
    moved = {
        key: value[list(ORDER)].clone() if key.startswith("head.l.") else value.clone() for key, value in state.items()
    }
    save_file(moved, path, {} if names is None else {"labels": json.dumps(names)})
    return path


def prepared(checkpoint: Path, classes: Path | None = None, *, evaluation: Path = EVALUATION) -> Prepared:
    return prepare(
        checkpoint=checkpoint,
        size=None,
        recipe=Recipe(),
        calibration=None,
        evaluation=evaluation,
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


def written(folder: Path, form: CheckpointFormat, config: dict[str, object], scale: Tensor | None = None) -> Path:
    """The demo with its outputs in `ORDER` as a folder of timm or Transformers; the stem's weights times `scale`."""
    model = read_checkpoint(shuffled(folder / "shuffled.safetensors", None)).model
    state = model.state_dict()
    if scale is not None:
        stem = state["patch_embed.0.c.weight"]
        stem *= scale.view(1, 3, 1, 1)
    keys = file_keys(form, model.config, state)
    save_file({keys[key]: value for key, value in state.items()}, folder / "model.safetensors")
    (folder / "shuffled.safetensors").unlink()
    (folder / "config.json").write_text(json.dumps(config))
    return folder


TIMM = {"architecture": "levit_demo", "num_classes": 10}
IN_ORDER = [NAMES[place] for place in ORDER]


@pytest.mark.parametrize(
    ("form", "config"),
    [
        (CheckpointFormat.TIMM, TIMM | {"label_names": IN_ORDER}),
        (CheckpointFormat.TIMM, TIMM | {"label_names": {str(place): name for place, name in enumerate(IN_ORDER)}}),
        (CheckpointFormat.HUGGING_FACE, {"model_type": "levit", "id2label": dict(enumerate(IN_ORDER))}),
    ],
    ids=["timm's list", "timm's table", "id2label"],
)
def test_names_pair_outputs_wherever_a_checkpoint_has_them(
    tmp_path: Path, form: CheckpointFormat, config: dict[str, object]
) -> None:
    found = prepared(written(tmp_path, form, config))
    assert found.trained.labels == tuple(IN_ORDER)
    assert top1(found) == top1(prepared(resolve_checkpoint(None, "demo")))


@pytest.mark.parametrize("form", ["{:01}", "{:02}"])
def test_folders_that_are_numbers_are_outputs(tmp_path: Path, form: str) -> None:
    """`0` to `9`, and `01` to `10`."""
    for place, name in enumerate(NAMES):
        (tmp_path / form.format(place + (form == "{:02}"))).symlink_to(demo.evaluation_dir() / name)
    checkpoint = resolve_checkpoint(None, "demo")
    nameless = tmp_path.parent / f"{tmp_path.name}.safetensors"
    save_file(read_checkpoint(checkpoint).model.state_dict(), nameless)
    assert top1(prepared(nameless, evaluation=tmp_path)) == top1(prepared(checkpoint))


def test_the_normalisation_beside_the_weights_gives_their_accuracy(tmp_path: Path) -> None:
    """A network trained with another deviation: its stem's weights make up for it, to the rounding."""
    std = (1.0, 0.25, 0.05)
    mean = CONFIGS["demo"].mean
    scale = torch.tensor(std) / torch.tensor(CONFIGS["demo"].std)
    config = TIMM | {"label_names": IN_ORDER, "pretrained_cfg": {"mean": mean, "std": std}}
    run = prepared(written(tmp_path, CheckpointFormat.TIMM, config, scale))
    assert (run.preprocessing.std, run.preprocessing_origin) == (std, "pretrained_cfg in config.json")
    expected = top1(prepared(resolve_checkpoint(None, "demo")))
    assert top1(run) == pytest.approx(expected, abs=1)  # of 120 images one may be on the edge
    (tmp_path / "config.json").write_text(json.dumps(TIMM | {"label_names": IN_ORDER}))
    assert top1(prepared(tmp_path)) < expected - 5

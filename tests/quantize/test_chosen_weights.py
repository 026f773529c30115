"""What a run says of a checkpoint that holds more than one network."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from levit_edge import demo
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.options import ImageOptions
from levit_edge.quantize.prepare import Prepared, prepare
from levit_edge.quantize.stage_cache import inputs_of
from levit_edge.system.progress import Stages


def prepared(path: Path, weights: str | None, warnings: list[str]) -> Prepared:
    return prepare(
        path,
        None,
        weights,
        calibration=None,
        evaluation=None,
        recipe=Recipe(),
        options=ImageOptions(),
        stages=Stages(None),
        warn=warnings.append,
    )


@pytest.fixture
def two(tmp_path: Path) -> Path:
    state = {key: value.float() for key, value in load_file(demo.checkpoint_path()).items()}
    average = {key: value * 0.5 for key, value in state.items()}
    beside = {"criterion.weight": torch.ones(10)} | {f"model.{key}": value for key, value in state.items()}
    torch.save({"state_dict": beside, "state_dict_ema": average}, tmp_path / "two.pth")
    return tmp_path / "two.pth"


def test_what_was_taken_is_told_and_recorded(two: Path) -> None:
    warnings: list[str] = []
    run = prepared(two, None, warnings)
    assert warnings[:2] == [
        "two.pth holds several LeViTs: state_dict was taken; --weights takes another (state_dict_ema).",
        "two.pth: 1 tensor beside the network left out: criterion.weight.",
    ]
    assert run.warnings == tuple(warnings[:2])
    assert (run.provenance.entry, run.provenance.other_entries) == ("state_dict", ("state_dict_ema",))


def test_other_weights_of_a_file_are_another_run(two: Path) -> None:
    trained, average = prepared(two, None, []), prepared(two, "state_dict_ema", [])
    assert average.provenance.entry == "state_dict_ema"
    assert trained.provenance.sha256 == average.provenance.sha256
    assert inputs_of(trained) != inputs_of(average)

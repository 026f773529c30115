"""LeViTs of any size, told from the shapes of their tensors, and those that are none of ours."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.checkpoint import load, read_checkpoint
from levit_edge.model.config import CONFIGS, LevitConfig
from levit_edge.model.fuse import fuse
from levit_edge.model.key_maps import CheckpointFormat, file_keys
from levit_edge.model.levit import LeViT

State = dict[str, Tensor]
DEMO = CONFIGS["demo"]
CHANGES: dict[str, dict[str, object]] = {
    "widths": {"widths": (48, 72, 96)},
    "heads": {"heads": (2, 3, 4)},
    "shallower": {"depths": (1, 1, 1)},
    "deeper": {"depths": (3, 2, 5)},
    "key_dim": {"key_dim": 16},
    "mlp_ratio": {"mlp_ratio": 4},
    "attention_ratio": {"attention_ratio": 1},
    "image_size": {"widths": (48, 72, 96), "image_size": 96, "resize": 110},
    "two heads": {"widths": (48, 72, 96), "distilled": True, "classes": 3},
}


def written(config: LevitConfig, checkpoint_format: CheckpointFormat, folder: Path) -> tuple[LeViT, Path]:
    torch.manual_seed(0)
    model = LeViT(config).eval()
    keys = file_keys(checkpoint_format, config, model.state_dict())
    torch.save({keys[key]: value for key, value in model.state_dict().items()}, folder / "levit.pth")
    return model, folder / "levit.pth"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("checkpoint_format", CheckpointFormat)
def test_any_size(change: str, checkpoint_format: CheckpointFormat, tmp_path: Path) -> None:
    config: LevitConfig = dataclasses.replace(DEMO, name="custom", **CHANGES[change])  # type: ignore[arg-type]
    model, path = written(config, checkpoint_format, tmp_path)
    found = read_checkpoint(path)
    assert found.config == config
    images = torch.randn(2, 3, config.image_size, config.image_size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(found.model(images), model(images))
    fuse(found.model)


@pytest.mark.parametrize("checkpoint_format", CheckpointFormat)
def test_a_published_size_is_called_by_its_name(checkpoint_format: CheckpointFormat, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIGS["128"], classes=3)
    assert read_checkpoint(written(config, checkpoint_format, tmp_path)[1]).config == config


def test_another_size_than_asked_for(tmp_path: Path) -> None:
    _, path = written(dataclasses.replace(DEMO, widths=(48, 72, 96)), CheckpointFormat.TIMM, tmp_path)
    with pytest.raises(CheckpointError, match=r"is a LeViT-custom \(timm\), and LeViT-128S was asked for"):
        load(path, "128S")


def changed(folder: Path, change: Callable[[str, Tensor], Tensor]) -> Path:
    """The demo, two attention pairs in its first stage, with each tensor changed."""
    model = LeViT(dataclasses.replace(DEMO, depths=(2, 2, 2)))
    torch.save({key: change(key, value) for key, value in model.state_dict().items()}, folder / "levit.pth")
    return folder / "levit.pth"


def test_stages_of_different_key_widths(tmp_path: Path) -> None:
    other = LeViT(dataclasses.replace(DEMO, key_dim=16)).state_dict()
    mixed = LeViT(DEMO).state_dict()
    mixed |= {key: value for key, value in other.items() if key.startswith(("blocks.10.", "blocks.12."))}
    torch.save(mixed, tmp_path / "levit.pth")
    with pytest.raises(CheckpointError, match="LeViT whose key_dim is 8, 8, 16, 8, 8 in its stages"):
        load(tmp_path / "levit.pth")


def test_images_that_are_not_square(tmp_path: Path) -> None:
    tokens = {64: 8 * 6, 16: 4 * 3, 4: 2 * 2}

    def narrower(key: str, value: Tensor) -> Tensor:
        return value[:, : tokens[value.shape[1]]].clone() if key.endswith("attention_biases") else value

    with pytest.raises(CheckpointError, match=r"has 48 tokens.*non-square input is not supported"):
        load(changed(tmp_path, narrower))


def test_one_output(tmp_path: Path) -> None:
    _, path = written(dataclasses.replace(DEMO, classes=1), CheckpointFormat.FACEBOOK, tmp_path)
    with pytest.raises(CheckpointError, match="has one output"):
        load(path)


def test_the_stem_that_shrinks_by_eight(tmp_path: Path) -> None:
    state = LeViT(DEMO).state_dict()
    keys = file_keys(CheckpointFormat.TIMM, DEMO, state)
    renamed = {keys[key]: value for key, value in state.items()}
    stem = {
        name.replace(f"conv{number + 1}", f"conv{number}"): value
        for number in (1, 2, 3)
        for name, value in renamed.items()
        if name.startswith(f"stem.conv{number + 1}.")
    }
    torch.save({name: value for name, value in renamed.items() if "stem." not in name} | stem, tmp_path / "levit.pth")
    with pytest.raises(CheckpointError, match="stem has three convolutions and shrinks by 8, as timm's levit_384_s8"):
        load(tmp_path / "levit.pth")


def test_sizes_whose_activation_is_another_one(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIGS["256"], depths=(4, 8, 6), classes=3)
    with torch.device("meta"):
        shapes = LeViT(config).state_dict()
    torch.save({key: torch.ones(value.shape) for key, value in shapes.items()}, tmp_path / "levit.pth")
    with pytest.raises(CheckpointError, match="timm's levit_256d, whose activation is SiLU"):
        load(tmp_path / "levit.pth")

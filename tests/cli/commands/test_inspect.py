"""What `levit-edge inspect` says of a checkpoint."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from levit_edge import demo
from levit_edge.cli.main import run
from levit_edge.model import download

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """The demo's weights, and others beside them."""
    state = load_file(demo.checkpoint_path())
    other = {key: value.float() * 0.5 for key, value in state.items()}
    torch.save({"model_ema": other, "model": state, "epoch": 3}, tmp_path / "two.pth")
    return tmp_path / "two.pth"


def test_which_weights_were_taken(two: Path, capsys: Captured) -> None:
    assert run(["inspect", str(two), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["entry"], facts["other_entries"], facts["class_names"]) == ("model", ["model_ema"], None)
    assert facts["preprocessing"]["resize"] == 146
    assert run(["inspect", str(two), "--weights", "model_ema"]) == 0
    assert "entry: model_ema" in capsys.readouterr().out.splitlines()
    assert run(["inspect", str(two), "--weights", "ema"]) == 3
    assert "LeViTs model_ema, model" in " ".join(capsys.readouterr().err.split())


def test_class_names(capsys: Captured) -> None:
    assert run(["inspect", str(demo.checkpoint_path())]) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("class names: ")]
    assert line.endswith(" and 5 more")


def test_a_model_of_the_hub(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(model_id: str) -> Path:
        asked.append(model_id)
        return demo.checkpoint_path()

    monkeypatch.setattr(download, "fetch_from_hub", fetch)
    assert run(["inspect", "someone/levit-demo", "--json"]) == 0
    assert asked == ["someone/levit-demo"]
    assert json.loads(capsys.readouterr().out)["size"] == "demo"

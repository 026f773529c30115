"""What a sweep's tasks make of a file with several networks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file

from levit_edge import demo
from levit_edge.bundle.recipe import OnnxAttention
from levit_edge.errors import CheckpointError, SweepError
from levit_edge.sweep.tasks.call import inputs_of
from levit_edge.sweep.tasks.identity import CheckpointIdentity, CheckpointPlace, Network
from levit_edge.sweep.tasks.network_tasks import Export, Identify, deploy_form

NO_STORE = cast(Any, None)
"""What is not of the hub is read without one."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The demo, and an average whose head is another."""
    state = load_file(demo.checkpoint_path())
    average = {name: tensor + 1 if name.startswith("head") else tensor for name, tensor in state.items()}
    torch.save({"model": state, "model_ema": average}, tmp_path / "last.pth")
    return tmp_path / "last.pth"


def identified(file: Path, weights: str | None) -> tuple[CheckpointIdentity, Network]:
    place = CheckpointPlace(path=str(file), signature=None, size=None, weights=weights)
    facts = Identify(checkpoint=place).run(NO_STORE)[""].read(CheckpointIdentity)
    provenance = facts.provenance
    return facts, Network(checkpoint=place, sha256=provenance.sha256, entry=provenance.entry, config=facts.config)


def keys(network: Network) -> Iterator[Any]:
    """What the results for a network are kept by."""
    yield inputs_of(Export(network=network, onnx_attention=OnnxAttention.PLAIN))


def test_the_weights_of_a_size_are_recorded_as_quantize_records_them() -> None:
    """Then a winner's report does not ask for a checkpoint of that name."""
    place = CheckpointPlace(path=None, signature=None, size="demo")
    facts = Identify(checkpoint=place).run(NO_STORE)[""].read(CheckpointIdentity)
    assert facts.provenance.source == demo.checkpoint_path().name


def test_the_networks_of_a_file_are_told_apart(file: Path) -> None:
    found = {weights: identified(file, weights) for weights in (None, "model_ema")}
    assert {
        weights: (facts.provenance.entry, facts.provenance.other_entries) for weights, (facts, _) in found.items()
    } == {
        None: ("model", ("model_ema",)),
        "model_ema": ("model_ema", ("model",)),
    }
    (plain, network), (_, average) = found.values()
    assert plain.warnings == (
        f"{file} holds several LeViTs: model was taken; the key weights takes another (model_ema).",
    )
    assert network.sha256 == average.sha256
    assert [*keys(network)] != [*keys(average)]
    image = torch.zeros(1, 3, network.config.image_size, network.config.image_size)
    assert not torch.equal(deploy_form(network, NO_STORE)(image), deploy_form(average, NO_STORE)(image))


def test_asked_for_by_name_or_not_it_is_the_same_network(file: Path) -> None:
    _, by_default = identified(file, None)
    _, by_name = identified(file, "model")
    assert [*keys(by_default)] == [*keys(by_name)]


def test_what_the_file_has_not(file: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no LeViT called 'ema'"):
        identified(file, "ema")
    _, network = identified(file, "model_ema")
    with pytest.raises(SweepError, match="was changed while the sweep ran"):
        deploy_form(replace(network, checkpoint=replace(network.checkpoint, weights="model")), NO_STORE)

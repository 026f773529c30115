"""huggingface_hub at a hub of ours, with a token and empty caches."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from levit_edge.bundle.reader import Bundle
from tests.hub_server import TOKEN, HubServer, Repository, hub_server
from tests.report.example import report_bundle


@pytest.fixture(scope="session")
def recorded(tiny_bundle: Path, labelled_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with evidence."""
    return report_bundle(tmp_path_factory.mktemp("recorded") / "mine", tiny_bundle, labelled_photographs)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with hub_server() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "kept"))
        yield server


@pytest.fixture
def on_the_hub(hub: HubServer, tiny_bundle: Path) -> Repository:
    """`me/tiny`, which holds a bundle."""
    repository = hub.repositories["me/tiny"] = Repository()
    repository.commit({file.name: file.read_bytes() for file in tiny_bundle.iterdir()})
    return repository

"""Models of the Hugging Face hub as checkpoints of a sweep: fetched once, here, and known by their contents."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from levit_edge import demo
from levit_edge.errors import CheckpointError, DownloadError
from levit_edge.model.hub import fetch_from_hub
from levit_edge.sweep import sweep as sweeping
from levit_edge.sweep.inputs.present import require_present
from levit_edge.sweep.plan import CheckpointSource, read_plan
from levit_edge.sweep.sweep import named_checkpoints
from levit_edge.sweep.tasks.call import Call, inputs_of, pack_call, unpack_call
from levit_edge.sweep.tasks.identity import CheckpointIdentity, Network
from levit_edge.sweep.tasks.network_tasks import Identify, deploy_form
from levit_edge.sweep.tasks.store import Store
from tests.model.conftest import web

__all__ = ["web"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FOLDER = "/someone/levit-demo/resolve/main/"
ID = "someone/levit-demo"
CONFIG = b'{"architecture": "levit_demo", "num_classes": 10}'
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def hub(web: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A server that has the demo."""
    web.headers = {"X-Repo-Commit": COMMIT, "X-Error-Code": "EntryNotFound"}
    web.files[FOLDER + "config.json"] = CONFIG
    web.files[FOLDER + "model.safetensors"] = demo.checkpoint_path().read_bytes()
    web.files[FOLDER + "README.md"] = b"not the model's"
    reached_at(web.url.rstrip("/"), tmp_path, monkeypatch)
    return web


def reached_at(endpoint: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = partial(fetch_from_hub, endpoint=endpoint, cache=folder / "cache")
    monkeypatch.setattr(sweeping, "fetch_from_hub", fetch)


def test_it_is_read_from_the_store_by_whoever_works_on_it(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ID).mkdir(parents=True)  # the plan did not find it beside itself, so it is not meant
    monkeypatch.chdir(tmp_path)
    (named,) = named_checkpoints([CheckpointSource(path=ID)])
    assert (named.name, named.place.path) == ("levit-demo", ID)
    asked, store = len(hub.paths_seen), Store(str(tmp_path / "store"))
    place = named.kept_in(store).place
    assert sorted(place.files) == ["config.json", "model.safetensors"]
    call = unpack_call(pack_call(Call(task=Identify(checkpoint=place), subject="it")))
    facts = call.task.run(store)[""].read(CheckpointIdentity)
    assert (facts.provenance.source, facts.config.name) == (ID, "demo")
    deploy_form(Network(checkpoint=place, sha256=facts.provenance.sha256, entry=None, config=facts.config), store)
    assert len(hub.paths_seen) == asked


def test_a_message_names_it_and_not_a_copy(hub: Any, tmp_path: Path) -> None:
    hub.files[FOLDER + "config.json"] = b"{}"
    (named,) = named_checkpoints([CheckpointSource(path=ID)])
    store = Store(str(tmp_path / "store"))
    with pytest.raises(CheckpointError, match=f"^{ID}: config.json names no architecture"):
        Identify(checkpoint=named.kept_in(store).place).run(store)


def test_another_content_is_another_checkpoint(hub: Any, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    keys: list[Any] = []
    for config in (CONFIG, CONFIG + b" "):
        hub.headers["X-Repo-Commit"] = COMMIT[::-1] if keys else COMMIT
        hub.headers["ETag"] = f'"{len(keys)}"'
        hub.files[FOLDER + "config.json"] = config
        (named,) = named_checkpoints([CheckpointSource(path=ID)])
        keys.append(inputs_of(Identify(checkpoint=named.kept_in(store).place)))
    assert keys[0] != keys[1]


def test_without_a_network_the_message_is_that_of_quantize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached_at(NOWHERE, tmp_path, monkeypatch)
    with pytest.raises(DownloadError, match=r"someone/levit-demo does not exist as a file, and .* Without a network,"):
        named_checkpoints([CheckpointSource(path=ID)])


def test_that_it_is_not_beside_the_plan_is_said(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be in the working directory, where nobody looks."""
    (tmp_path / "here" / "weights" / "levit").mkdir(parents=True)
    (tmp_path / "plan.toml").write_text(
        '[[checkpoints]]\npath = "weights/levit"\n[calibration]\nimages = "."\n[evaluation]\nimages = "."\n'
    )
    monkeypatch.chdir(tmp_path / "here")
    hub.headers["X-Error-Code"] = "RepoNotFound"
    with pytest.raises(DownloadError, match=r"Paths start at the plan's folder, where there is no weights/levit\.$"):
        named_checkpoints(read_plan(tmp_path / "plan.toml").checkpoints)


def test_what_is_beside_the_plan_is_taken_before_the_hub(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(f'[[checkpoints]]\npath = "{ID}"\n[calibration]\nimages = "."\n[evaluation]\nimages = "."\n')
    found = read_plan(plan)
    require_present(found)
    assert found.checkpoints[0].path == ID
    (tmp_path / ID).mkdir(parents=True)
    assert read_plan(plan).checkpoints[0].path == str(tmp_path / ID)
    plan.write_text(plan.read_text().replace(ID, f"{ID}.pth"))
    with pytest.raises(CheckpointError, match=r"levit-demo\.pth does not exist; expected .*or a Hugging Face model id"):
        require_present(read_plan(plan))

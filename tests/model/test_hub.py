"""Fetching from a server that answers as the Hugging Face hub does."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from levit_edge.errors import CheckpointError, DownloadError
from levit_edge.model import download
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.hub import fetch_from_hub
from levit_edge.model.license import stated_license
from levit_edge.model.source import HUB_ID

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FOLDER = "/facebook/levit-128S/resolve/main/"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def hub(web: Any) -> Any:
    web.headers = {"X-Repo-Commit": COMMIT}
    web.files[FOLDER + "config.json"] = b'{"model_type": "levit"}'
    return web


def fetch(hub: Any, cache: Path) -> Path:
    return fetch_from_hub("facebook/levit-128S", endpoint=hub.url.rstrip("/"), cache=cache)


def test_safetensors_are_preferred(hub: Any, tmp_path: Path) -> None:
    hub.files[FOLDER + "model.safetensors"] = b"tensors"
    hub.files[FOLDER + "pytorch_model.bin"] = b"pickle"
    assert sorted(file.name for file in fetch(hub, tmp_path).iterdir()) == ["config.json", "model.safetensors"]


def test_transformers_preprocessing_is_fetched_where_there_is_some(hub: Any, tmp_path: Path) -> None:
    hub.files[FOLDER + "model.safetensors"] = b"tensors"
    hub.files[FOLDER + "preprocessor_config.json"] = b'{"resample": 2}'
    folder = fetch(hub, tmp_path)
    assert (folder / "preprocessor_config.json").read_bytes() == b'{"resample": 2}'
    assert fetch_from_hub("facebook/levit-128S", endpoint=NOWHERE, cache=tmp_path) == folder


def test_preprocessing_that_cannot_be_fetched_is_not_left_out(hub: Any, tmp_path: Path) -> None:
    hub.files[FOLDER + "model.safetensors"] = b"tensors"
    hub.statuses[FOLDER + "preprocessor_config.json"] = 403
    with pytest.raises(DownloadError, match="cannot be fetched from the Hugging Face hub"):
        fetch(hub, tmp_path)


def test_pickled_weights(hub: Any, tmp_path: Path) -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    hub.files[FOLDER + "pytorch_model.bin"] = b"pickle"
    folder = fetch(hub, tmp_path)
    assert (folder / "pytorch_model.bin").read_bytes() == b"pickle"


def test_no_weights(hub: Any, tmp_path: Path) -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    with pytest.raises(DownloadError, match=r"has no weights: expected model.safetensors or pytorch_model\.bin"):
        fetch(hub, tmp_path)


@pytest.mark.parametrize(
    ("code", "message"),
    [("RepoNotFound", "neither as a file nor as a model"), ("GatedRepo", "is gated: ask for access")],
)
def test_no_such_model_or_no_access(hub: Any, code: str, message: str, tmp_path: Path) -> None:
    hub.files.clear()
    hub.headers["X-Error-Code"] = code
    hub.statuses[FOLDER + "config.json"] = 403 if code == "GatedRepo" else 404
    with pytest.raises(DownloadError, match=message):
        fetch(hub, tmp_path)


def test_what_is_no_model_may_be_a_bundle(hub: Any, tmp_path: Path) -> None:
    hub.files.clear()
    hub.headers["X-Error-Code"] = "EntryNotFound"
    with pytest.raises(
        DownloadError, match=r"has no config.json: .* A bundle there is called hf:facebook/levit-128S\."
    ):
        fetch(hub, tmp_path)


def test_a_card_that_says_the_licence_comes_with_the_weights(hub: Any, tmp_path: Path) -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    hub.files |= {FOLDER + "model.safetensors": b"tensors", FOLDER + "README.md": b"---\nlicense: mit\n---\n"}
    assert stated_license(fetch(hub, tmp_path), {}, {}) == "mit"


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(
        DownloadError, match=r"cannot be fetched from the Hugging Face hub: .*refused.* as --checkpoint"
    ):
        fetch_from_hub("facebook/levit-128S", endpoint=NOWHERE, cache=tmp_path)


def test_what_is_cached_needs_no_network(hub: Any, tmp_path: Path) -> None:
    hub.files[FOLDER + "model.safetensors"] = b"tensors"
    folder = fetch(hub, tmp_path)
    assert fetch_from_hub("facebook/levit-128S", endpoint=NOWHERE, cache=tmp_path) == folder


def test_pickled_weights_in_the_cache(hub: Any, tmp_path: Path) -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    hub.files[FOLDER + "pytorch_model.bin"] = b"pickle"
    folder = fetch(hub, tmp_path)
    assert fetch_from_hub("facebook/levit-128S", endpoint=NOWHERE, cache=tmp_path) == folder


def test_half_a_model_in_the_cache(hub: Any, tmp_path: Path) -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    with pytest.raises(DownloadError, match="has no weights"):
        fetch(hub, tmp_path)
    with pytest.raises(DownloadError, match=r"cannot be fetched .*refused"):
        fetch_from_hub("facebook/levit-128S", endpoint=NOWHERE, cache=tmp_path)


def put_index(hub: Any, shards: Sequence[str] = SHARDS, name: str = "model.safetensors.index.json") -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    places = {f"tensor {number}": shard for number, shard in enumerate(shards)}
    hub.files[FOLDER + name] = json.dumps({"weight_map": places}).encode()


@pytest.mark.parametrize("mirror", [False, True], ids=["hub", "mirror"])
@pytest.mark.parametrize("index", ["model.safetensors.index.json", "pytorch_model.bin.index.json"])
def test_weights_in_several_files_come_with_their_index(hub: Any, index: str, mirror: bool, tmp_path: Path) -> None:
    put_index(hub, name=index)
    if mirror:
        del hub.headers["X-Error-Code"]
    hub.files |= {FOLDER + shard: shard.encode() for shard in SHARDS}
    folder = fetch(hub, tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == sorted(["config.json", index, *SHARDS])
    assert [(folder / shard).read_text() for shard in SHARDS] == [*SHARDS]
    assert fetch_from_hub("facebook/levit-128S", endpoint=NOWHERE, cache=tmp_path) == folder


def test_whole_weights_are_preferred_to_an_index(hub: Any, tmp_path: Path) -> None:
    put_index(hub)
    hub.files[FOLDER + "pytorch_model.bin"] = b"pickle"
    assert sorted(file.name for file in fetch(hub, tmp_path).iterdir()) == ["config.json", "pytorch_model.bin"]


@pytest.mark.parametrize(
    "name", ["../other/resolve/main/model.safetensors", "/etc/passwd", "a/b", "..", "x.index.json"]
)
def test_an_index_on_the_hub_that_leaves_its_folder(hub: Any, name: str, tmp_path: Path) -> None:
    put_index(hub, [name])
    asked = len(hub.paths_seen)
    with pytest.raises(CheckpointError, match=r"^facebook/levit-128S on the Hugging Face hub: .*do not lie beside it"):
        fetch(hub, tmp_path)
    assert all(path.startswith(FOLDER) or path == "/" for path in hub.paths_seen[asked:])
    assert hub.paths_seen[-1] == f"{FOLDER}model.safetensors.index.json"


def test_a_shard_that_the_hub_has_not(hub: Any, tmp_path: Path) -> None:
    put_index(hub)
    hub.files[FOLDER + SHARDS[0]] = b"tensors"
    with pytest.raises(CheckpointError, match=f"index.json names {SHARDS[1]}, which is not there"):
        fetch(hub, tmp_path)


def test_a_shard_that_cannot_be_fetched_is_not_left_out(hub: Any, tmp_path: Path) -> None:
    put_index(hub)
    hub.files |= {FOLDER + shard: bytes(1000) for shard in SHARDS}
    del hub.headers["X-Error-Code"]
    hub.statuses[FOLDER + SHARDS[1]] = 403
    with pytest.raises(DownloadError, match="cannot be fetched from the Hugging Face hub"):
        fetch(hub, tmp_path)
    with pytest.raises(DownloadError, match=r"cannot be fetched .*refused.* as --checkpoint"):
        fetch_from_hub("facebook/levit-128S", endpoint=NOWHERE, cache=tmp_path)


def test_resolve_asks_the_hub(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch_from_hub", partial(fetch_from_hub, endpoint=hub.url.rstrip("/")))
    with pytest.raises(DownloadError, match="nobody/levit"):
        resolve_checkpoint("nobody/levit", None)
    assert hub.ranges_seen, "it was asked"


@pytest.mark.parametrize("text", ["levit", "a/b/c", "/a", "a/", "../b", "-a/b", "a/b c", "https://x/y"])
def test_what_is_no_hub_id(text: str) -> None:
    assert not HUB_ID.fullmatch(text)

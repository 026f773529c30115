"""Fetching from a server that answers as the Hugging Face hub does."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from levit_edge.errors import DownloadError
from levit_edge.model import download
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.hub import fetch_from_hub
from levit_edge.model.source import HUB_ID

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FOLDER = "/facebook/levit-128S/resolve/main/"


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
    assert fetch_from_hub("facebook/levit-128S", endpoint="http://127.0.0.1:1", cache=tmp_path) == folder


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


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(
        DownloadError, match=r"cannot be fetched from the Hugging Face hub: .*refused.* as --checkpoint"
    ):
        fetch_from_hub("facebook/levit-128S", endpoint="http://127.0.0.1:1", cache=tmp_path)


def test_what_is_cached_needs_no_network(hub: Any, tmp_path: Path) -> None:
    hub.files[FOLDER + "model.safetensors"] = b"tensors"
    folder = fetch(hub, tmp_path)
    assert fetch_from_hub("facebook/levit-128S", endpoint="http://127.0.0.1:1", cache=tmp_path) == folder


def test_pickled_weights_in_the_cache(hub: Any, tmp_path: Path) -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    hub.files[FOLDER + "pytorch_model.bin"] = b"pickle"
    folder = fetch(hub, tmp_path)
    assert fetch_from_hub("facebook/levit-128S", endpoint="http://127.0.0.1:1", cache=tmp_path) == folder


def test_half_a_model_in_the_cache(hub: Any, tmp_path: Path) -> None:
    hub.headers["X-Error-Code"] = "EntryNotFound"
    with pytest.raises(DownloadError, match="has no weights"):
        fetch(hub, tmp_path)
    with pytest.raises(DownloadError, match=r"cannot be fetched .*refused"):
        fetch_from_hub("facebook/levit-128S", endpoint="http://127.0.0.1:1", cache=tmp_path)


def test_resolve_asks_the_hub(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch_from_hub", partial(fetch_from_hub, endpoint=hub.url.rstrip("/")))
    with pytest.raises(DownloadError, match="nobody/levit"):
        resolve_checkpoint("nobody/levit", None)
    assert hub.ranges_seen, "it was asked"


@pytest.mark.parametrize("text", ["levit", "a/b/c", "/a", "a/", "../b", "-a/b", "a/b c", "https://x/y"])
def test_what_is_no_hub_id(text: str) -> None:
    assert not HUB_ID.fullmatch(text)

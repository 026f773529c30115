"""Fetching from a real server on this machine, which resumes, does not, breaks off, or sends something else."""

import dataclasses
import hashlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from levit_edge import demo
from levit_edge.errors import CheckpointError, DownloadError
from levit_edge.model import config, http_file
from levit_edge.model.config import CONFIGS, OfficialWeights
from levit_edge.model.download import fetch_official, resolve_checkpoint
from levit_edge.model.http_file import fetch_file
from levit_edge.system.host import cache_folder

CONTENT = bytes(range(256)) * 5000
WEIGHTS = OfficialWeights(
    file_name="LeViT-test.pth",
    sha256_prefix=hashlib.sha256(CONTENT).hexdigest()[:8],
    hugging_face_id="nobody/levit-test",
    top1=0.0,
    top5=0.0,
)
PATH = "/LeViT-test.pth"
Official = Callable[[str], Path]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def official(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Official:
    """Fetches the weights of the 128S as if they were published at that address."""
    monkeypatch.setenv("LEVIT_EDGE_CACHE", os.fspath(cache))
    monkeypatch.setitem(CONFIGS, "128S", dataclasses.replace(CONFIGS["128S"], weights=WEIGHTS))

    def fetched(url: str) -> Path:
        monkeypatch.setattr(config, "WEIGHTS_BASE_URL", url)
        return fetch_official("128S")

    return fetched


def fetch(web: Any, cache: Path, **options: Any) -> Path:
    return fetch_file(web.url + PATH[1:], cache / PATH[1:], sha256_prefix=WEIGHTS.sha256_prefix, **options)


def partial(cache: Path, content: bytes) -> Path:
    cache.mkdir()
    (cache / "LeViT-test.pth.partial").write_bytes(content)
    return cache / "LeViT-test.pth.partial"


def test_fetches_once(web: Any, cache: Path, official: Official) -> None:
    web.files[PATH] = CONTENT
    path = official(web.url)
    assert path.read_bytes() == CONTENT
    assert official(web.url) == path == cache / "LeViT-test.pth"
    assert web.ranges_seen == [None]
    assert sorted(file.name for file in cache.iterdir()) == ["LeViT-test.pth", "LeViT-test.pth.lock"]


def test_progress(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    seen: list[tuple[int, int | None]] = []
    fetch(web, cache, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) > 1
    assert seen == sorted(seen)


def test_resumes(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    left = partial(cache, CONTENT[:1000])
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == ["bytes=1000-"]
    assert not left.exists()


def test_starts_again_where_the_server_does_not_resume(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    web.honours_ranges = False
    partial(cache, CONTENT[:1000])
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == ["bytes=1000-"]


def test_starts_again_where_the_server_resumes_elsewhere(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    web.range_offset = 1
    partial(cache, CONTENT[:1000])
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == ["bytes=1000-", None]


def test_starts_again_where_the_server_goes_on_elsewhere_after_a_cut(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    web.range_offset = 1
    web.cuts = [1000]
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == [None, "bytes=1000-", None]


def test_starts_again_after_too_long_a_beginning(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    partial(cache, CONTENT + b"more")
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == [f"bytes={len(CONTENT) + 4}-", None]


def test_starts_again_after_another_files_beginning(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    partial(cache, b"x" * 1000)
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == ["bytes=1000-", None]


def test_a_whole_partial_file_is_taken(web: Any, cache: Path) -> None:
    partial(cache, CONTENT)
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == []


def test_goes_on_when_the_connection_is_cut(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    web.cuts = [400_000, 300_000]
    assert fetch(web, cache).read_bytes() == CONTENT
    assert web.ranges_seen == [None, "bytes=400000-", "bytes=700000-"]


def test_keeps_what_came_when_it_gives_up(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    web.cuts = [1000] * 4
    with pytest.raises(DownloadError, match=r"cut 4 times, at last after 4,000 bytes\. Run it again"):
        fetch(web, cache)
    assert (cache / "LeViT-test.pth.partial").read_bytes() == CONTENT[:4000]
    assert fetch(web, cache).read_bytes() == CONTENT


def test_a_wrong_file_is_removed(web: Any, cache: Path) -> None:
    web.files[PATH] = b"<html>Sign in to this network</html>"
    with pytest.raises(DownloadError, match=f"SHA-256 starts with .{{8}}; expected {WEIGHTS.sha256_prefix}"):
        fetch(web, cache)
    assert [file.name for file in cache.iterdir()] == ["LeViT-test.pth.lock"]


def test_a_damaged_cached_file_is_fetched_again(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    fetch(web, cache).write_bytes(CONTENT[:-1])
    assert fetch(web, cache).read_bytes() == CONTENT


def test_a_file_put_into_the_cache_needs_no_network(cache: Path, official: Official) -> None:
    cache.mkdir()
    (cache / "LeViT-test.pth").write_bytes(CONTENT)
    assert official("http://127.0.0.1:1/").read_bytes() == CONTENT


def test_processes_wait_for_each_other(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    web.cuts = [100_000] * 3
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(fetch(web, cache).read_bytes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT] * 8
    assert len(web.ranges_seen) == 4, "one of them fetched, with three interruptions"


def test_http_errors(web: Any, cache: Path) -> None:
    with pytest.raises(DownloadError, match="answered 404 Not Found"):
        fetch(web, cache)
    web.statuses[PATH] = 503
    with pytest.raises(DownloadError, match="answered 503"):
        fetch(web, cache)


def test_a_server_that_stalls(web: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web.files[PATH] = CONTENT
    web.stalls.set()
    patience = []

    def noted(request: Request, timeout: float) -> Any:
        patience.append(timeout)
        return urlopen(request, timeout=timeout)  # noqa: S310 - our own server

    monkeypatch.setattr(http_file, "urlopen", noted)
    with pytest.raises(DownloadError, match="the connection was cut 4 times"):
        fetch(web, cache, timeout_s=0.05)
    assert patience == [0.05] * 4


def test_no_network_says_what_to_pass(cache: Path, official: Official) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(DownloadError) as caught:
            official(url)
    message = str(caught.value)
    assert "cannot be reached: [Errno 111] Connection refused" in message
    assert "Pass --checkpoint FILE with a LeViT-128S checkpoint" in message
    assert f"fetch {url}LeViT-test.pth elsewhere and put it into {cache}" in message
    assert "LEVIT_EDGE_CACHE" in message


def test_a_name_that_does_not_resolve(official: Official) -> None:
    with pytest.raises(DownloadError, match="cannot be reached"):
        official("http://levit-edge.invalid/")


def test_other_addresses_are_not_opened(official: Official, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="neither an http nor an https"):
        official(f"file://{tmp_path}/")


def test_a_cache_that_cannot_be_written(web: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written: Not a directory"):
        fetch(web, tmp_path / "file" / "cache")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_a_full_disk(web: Any, cache: Path) -> None:
    web.files[PATH] = CONTENT
    cache.mkdir()
    (cache / "LeViT-test.pth.partial").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="cannot be written: No space left"):
        fetch(web, cache)


@pytest.mark.parametrize("size", ["demo", "129"])
def test_sizes_without_official_weights(size: str) -> None:
    with pytest.raises(CheckpointError, match=f"no official weights of size '{size}'; only of 128S, 128"):
        fetch_official(size)


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LEVIT_EDGE_CACHE")
    assert cache_folder().name == "levit-edge"


def test_resolve_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facebook" / "levit-128S").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve_checkpoint(str(tmp_path), "128S") == tmp_path
    assert resolve_checkpoint("facebook/levit-128S", None) == Path("facebook/levit-128S")


@pytest.mark.parametrize(
    "spec", ["levit.pth", "weights/levit.pth", "runs/best.safetensors", "a/b/c", "/nowhere", "../x"]
)
def test_resolve_what_is_not_there(spec: str) -> None:
    with pytest.raises(CheckpointError, match=r"does not exist; expected .*facebook/levit-128S"):
        resolve_checkpoint(spec, None)


def test_resolve_nothing() -> None:
    with pytest.raises(CheckpointError, match="Nothing to load: pass --checkpoint, or --model"):
        resolve_checkpoint(None, None)


def test_resolve_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    (tmp_path / "levit-demo.safetensors").touch()
    assert resolve_checkpoint(None, "demo") == demo.checkpoint_path()


@pytest.mark.usefixtures("official")
def test_resolve_official_weights(cache: Path) -> None:
    cache.mkdir()
    (cache / "LeViT-test.pth").write_bytes(CONTENT)
    assert resolve_checkpoint(None, "128S") == cache / "LeViT-test.pth"

"""Public sets by name, from a real server on this machine: fetched once, checked, unpacked safely, kept."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from levit_edge.data import named_sets
from levit_edge.data.classes import ModelClasses, PairingRule
from levit_edge.data.image_set import calibration_images, evaluation_images
from levit_edge.data.named_sets import NAMED_SETS, NamedSet, Use, fetch_set, is_named_set
from levit_edge.errors import DataError, DownloadError
from levit_edge.system.host import CACHE_VARIABLE
from tests.data.sources.made_up import jpeg, tar_bytes
from tests.model.conftest import WebServer, web

__all__ = ["web"]

TENCH, SNAKE = "n01440764", "n01751748"
FILES = {
    f"set/{part}/{wordnet_id}/{wordnet_id}_{number}.JPEG": jpeg(number)
    for part, numbers in (("train", (1, 2)), ("val", (3,)))
    for wordnet_id in (TENCH, SNAKE)
    for number in numbers
}
OTHERS = {"set/noisy.csv": b"x", "set/val/.DS_Store": b"x", "../../outside.jpg": b"x", "/outside.jpg": b"x"}


def served(web: Any, content: bytes, name: str = "imagenette") -> NamedSet:
    web.files["/set.tgz"] = content
    return replace(
        NAMED_SETS[name],
        url=f"{web.url}set.tgz",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        folders={Use.CALIBRATION: "set/train", Use.EVALUATION: "set/val"},
    )


@pytest.fixture(params=["w", "w:gz"])
def packed(request: pytest.FixtureRequest) -> bytes:
    return tar_bytes(FILES | OTHERS, request.param)


def test_a_set_is_fetched_once_and_unpacked_where_it_should(web: WebServer, packed: bytes, tmp_path: Path) -> None:
    chosen, said, cache = served(web, packed), list[str](), tmp_path / "a" / "b" / "cache"
    folder = fetch_set(chosen, Use.EVALUATION, notice=said.append, cache=cache)
    assert sorted(path.name for path in folder.iterdir()) == [TENCH, SNAKE]
    assert evaluation_images(folder, ModelClasses(outputs=1000)).labels == (0, 65)
    assert fetch_set(chosen, Use.CALIBRATION, notice=said.append, cache=cache).name == "train"
    assert web.ranges_seen == [None]
    assert said == [f"{chosen.title}: 0 MB from {chosen.url}. {chosen.licence}"]
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert {path.relative_to(folder.parents[1]).as_posix() for path in written} == set(FILES)


def test_names_are_read_by_every_command(web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMED_SETS, "imagenette", served(web, tar_bytes(FILES)))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    images = evaluation_images(Path("imagenette"), ModelClasses(outputs=1000))
    assert (images.labels, images.root) == ((0, 65), Path("imagenette"))
    assert images.pairing is not None
    assert images.pairing.rule is PairingRule.WORDNET
    assert len(calibration_images(Path("imagenette"))) == 4
    assert is_named_set("imagenette")
    assert not is_named_set("imagewoof")
    (tmp_path / "imagenette").mkdir()
    assert not is_named_set(Path("imagenette"))  # a folder of that name is taken before the set


def test_a_download_that_was_cut_goes_on(web: WebServer, tmp_path: Path) -> None:
    content = tar_bytes(FILES)
    chosen = served(web, content)
    web.cuts = [2000] * 4
    with pytest.raises(DownloadError, match=r"The images of imagenette could not be fetched(.|\n)*cut 4 times"):
        fetch_set(chosen, Use.EVALUATION, cache=tmp_path)
    assert fetch_set(chosen, Use.EVALUATION, cache=tmp_path).is_dir()
    assert web.ranges_seen[-1] == "bytes=8000-"


def test_a_wrong_hash_is_refused(web: WebServer, tmp_path: Path) -> None:
    chosen = replace(served(web, tar_bytes(FILES)), sha256="0" * 64)
    with pytest.raises(DownloadError, match=rf"SHA-256 starts with \w+; expected {'0' * 64}"):
        fetch_set(chosen, Use.EVALUATION, cache=tmp_path)
    assert not list(tmp_path.rglob("*.JPEG"))


def test_more_than_was_published_is_not_taken(web: WebServer, tmp_path: Path) -> None:
    chosen = replace(served(web, tar_bytes(FILES)), size_bytes=5000)
    with pytest.raises(DownloadError, match="sends more than 5000 bytes: it is another file"):
        fetch_set(chosen, Use.EVALUATION, cache=tmp_path)


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path) -> None:
    chosen = replace(NAMED_SETS["imagenette"], url="http://127.0.0.1:1/imagenette2-320.tgz")
    message = rf"cannot be reached: .*\n.*fetch http://127.0.0.1:1/.* elsewhere and put it into {tmp_path}/images"
    with pytest.raises(DownloadError, match=message):
        fetch_set(chosen, Use.EVALUATION, cache=tmp_path)


def test_an_archive_put_into_the_cache_needs_no_network(web: WebServer, tmp_path: Path) -> None:
    content = tar_bytes(FILES, "w:gz")
    chosen = replace(served(web, content), url="http://127.0.0.1:1/set.tgz")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "set.tgz").write_bytes(content)
    assert fetch_set(chosen, Use.EVALUATION, cache=tmp_path).is_dir()


def hostile() -> Iterator[Any]:
    """An archive and what is said of it."""
    yield pytest.param(tar_bytes({"other/a/1.jpg": jpeg(1)}), "1 image, but none in set/train", id="another set")
    yield pytest.param(tar_bytes(FILES)[:-2048], "unexpected end|truncated", id="truncated")
    yield pytest.param(tar_bytes(FILES, "w:gz")[:-40], "set.tgz: ", id="truncated gzip")
    yield pytest.param(tar_bytes(FILES | {"set/val/b.jpg": b"\0" * 3000}), "unpacks to more than 5,000", id="too large")


@pytest.mark.parametrize(("content", "message"), [*hostile()])
def test_archives_that_are_not_the_set_leave_nothing(
    web: WebServer, tmp_path: Path, content: bytes, message: str
) -> None:
    chosen = replace(served(web, content), unpacked_bytes=5000)
    with pytest.raises(DataError, match=message):
        fetch_set(chosen, Use.EVALUATION, cache=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".jpg", ".JPEG"}]


def test_links_are_not_followed(web: WebServer, tmp_path: Path) -> None:
    buffer = io.BytesIO(tar_bytes(FILES))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        for name, target in (("set/val/link", str(tmp_path)), ("set/val/x.jpg", "/etc/passwd")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        inside = tarfile.TarInfo("set/val/link/y.jpg")
        archive.addfile(inside, io.BytesIO())
    folder = fetch_set(served(web, buffer.getvalue()), Use.EVALUATION, cache=tmp_path / "cache")
    assert not (tmp_path / "y.jpg").exists()
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_the_registry_is_complete() -> None:
    for name, each in NAMED_SETS.items():
        assert each.name == name
        assert set(each.folders) == set(Use)
        assert len(each.sha256) == 64
        assert each.url.startswith("https://")
        assert each.size_bytes <= each.unpacked_bytes
    assert named_sets.__doc__

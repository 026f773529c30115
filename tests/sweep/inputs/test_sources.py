import json
import os
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from levit_edge.data.classes import ModelClasses
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.sampling import balanced_sample, digest, digest_of
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.calibration_files import choose_calibration
from levit_edge.sweep.inputs.shard_index import ShardIndex, image_names, index_shard, labels_for
from levit_edge.sweep.inputs.sources import Listing, Shard, list_shards
from tests.sweep.places import Put, put_in_memory, put_locally, samples, tar


def indexed(listing: Listing) -> list[ShardIndex]:
    """The index of each shard; shards and indices go through JSON, as between processes."""
    found = []
    for shard in listing.shards:
        again = from_json(Shard, json.loads(json.dumps(to_json(shard))), DataError, "a shard")
        assert again == shard
        index = index_shard(again)
        assert from_json(ShardIndex, json.loads(json.dumps(to_json(index))), DataError, "an index") == index
        found.append(index)
    return found


def assert_same_images(listing: Listing, photographs: ImageSet, classes: int | None) -> None:
    indices = indexed(listing)
    hashes = (image.sha256 for index in indices for image in index.images)
    assert digest_of(zip(image_names(indices), hashes, strict=True)) == digest(photographs)
    chosen = choose_calibration(listing.source, indices, 7, seed=3)
    assert tuple(each.name for each in chosen) == balanced_sample(photographs, 7, seed=3).relative_paths
    labels = labels_for(listing, indices, None if classes is None else ModelClasses(outputs=classes))
    assert tuple(label for of_shard in labels for label in of_shard or ()) == photographs.labels


def test_a_folder_is_the_same_everywhere(put: Put, files: dict[str, bytes], photographs: ImageSet) -> None:
    listing = list_shards(put(files), 5)
    assert [shard.name for shard in listing.shards] == ["val[0:5]", "val[5:10]", "val[10:12]"]
    assert listing.class_names == ("dress", "hat", "longsleeve")
    assert_same_images(listing, photographs, 3)


def test_so_are_tar_files(put: Put, files: dict[str, bytes], photographs: ImageSet) -> None:
    members = list(samples(files, photographs.labels or ()).items())
    folder = put({"a-00.tar": tar(dict(members[:10])), "a-01.tar": tar(dict(members[10:])), "notes.txt": b""})
    for source in (f"{folder}/a-{{00..01}}.tar", f"{folder}/a-*.tar", f"{folder}/*"):
        listing = list_shards(source, 5)
        assert [shard.name for shard in listing.shards] == ["a-00.tar", "a-01.tar"]
        assert_same_images(listing, photographs, 3)
    (alone,) = list_shards(f"{folder}/a-01.tar", 5).shards
    assert alone == listing.shards[1]


def test_the_rules_of_image_folders_hold_everywhere(put: Put) -> None:
    names = [
        "b/x/2.JPEG",
        "b/1.png",
        "a-c/1.jpg",
        "a/1.gif",
        "a/.hidden.jpg",
        "a/.x/1.jpg",
        ".c/1.jpg",
        "a/1.txt",
        "d/0",
    ]
    (shard,) = (listing := list_shards(put(dict.fromkeys(names, b"x")), 9)).shards
    assert [file.path for file in shard.files] == ["a/1.gif", "a-c/1.jpg", "b/1.png", "b/x/2.JPEG"]
    assert listing.class_names == ("a", "a-c", "b", "d")


def test_what_is_passed_over_is_counted_everywhere(put: Put, files: dict[str, bytes]) -> None:
    others = {"dress/a.heic": b"x", "hat/notes.txt": b"x", "hat/@eaDir/b.jpg": b"x", "lost+found/c.jpg": b"x"}
    listing = list_shards(put({**files, **others}), 5)
    assert listing.class_names == ("dress", "hat", "longsleeve")
    assert listing.passed_over == {"HEIC": 1, "no image": 1}


def test_files_without_an_ending_are_read_here_and_counted_elsewhere(tmp_path: Path, files: dict[str, bytes]) -> None:
    bare = {**files, "hat/bare": next(iter(files.values()))}
    here, elsewhere = (list_shards(place(bare), 50) for place in (put_locally(tmp_path), put_in_memory))
    assert [image.name for image in indexed(here)[0].images if "." not in image.name] == ["hat/bare"]
    assert here.passed_over == {}
    assert len(indexed(elsewhere)[0].images) == len(files)
    assert elsewhere.passed_over == {"without an ending": 1}


def test_an_empty_class_folder_keeps_its_place(s3: Put, tmp_path: Path) -> None:
    import fsspec

    names = {"a/1.jpg": b"x", "c/1.jpg": b"x"}
    in_memory = put_in_memory(names)
    fsspec.filesystem("memory").mkdir(f"{in_memory}/b.jpg")
    local = put_locally(tmp_path)(names)
    Path(local, "b.jpg").mkdir()
    for source in (in_memory, local, s3({**names, "b.jpg/": b""})):  # S3 has no folders but by such files
        (shard,) = (listing := list_shards(source, 9)).shards
        assert listing.class_names == ("a", "b.jpg", "c")
        assert [file.path for file in shard.files] == ["a/1.jpg", "c/1.jpg"]


def test_a_folder_of_images_alone_has_no_classes(put: Put) -> None:
    listing = list_shards(put({"2.jpg": b"b", "1.jpg": b"a"}), 9)
    assert listing.class_names is None
    (index,) = indexed(listing)
    assert [(image.name, image.folder, image.label) for image in index.images] == [
        ("1.jpg", None, None),
        ("2.jpg", None, None),
    ]
    assert labels_for(listing, [index], ModelClasses(outputs=10)) == (None,)


def test_images_beside_class_folders_are_refused(put: Put) -> None:
    with pytest.raises(DataError, match=r"val: there are images beside the class folders: b\.jpg"):
        list_shards(put({"a/1.jpg": b"", "b.jpg": b""}), 9)


def test_only_a_changed_shard_is_another(put: Put) -> None:
    source = put({"a/1.jpg": b"first", "a/2.jpg": b"second"})
    before = list_shards(source, 1)
    assert list_shards(source, 1) == before
    import fsspec

    system, root = fsspec.core.url_to_fs(source)
    system.pipe_file(f"{root}/a/2.jpg", b"SECOND")
    after = list_shards(source, 1)
    assert after.shards[0] == before.shards[0]
    assert after.shards[1] != before.shards[1]
    with pytest.raises(DataError, match=r"^val\[1:2\]: a/2\.jpg: changed since it was listed"):
        index_shard(before.shards[1])


def test_a_missing_tar_file_is_a_shard_that_cannot_be_read(put: Put, files: dict[str, bytes]) -> None:
    folder = put({"a-0.tar": tar(files), "a-2.tar": tar(files)})
    listing = list_shards(f"{folder}/a-{{0..2}}.tar", 5)
    assert [shard.files[0].signature is None for shard in listing.shards] == [False, True, False]
    with pytest.raises(DataError, match=r"^a-1\.tar: it does not exist$"):
        index_shard(listing.shards[1])


def test_a_file_that_goes_away_is_named(put: Put) -> None:
    import fsspec

    (shard,) = list_shards(source := put({"a/1.jpg": b"first", "a/2.jpg": b"second"}), 9).shards
    system, root = fsspec.core.url_to_fs(source)
    system.rm(f"{root}/a/2.jpg")
    with pytest.raises(DataError, match=r"^val\[0:2\]: a/2\.jpg: it does not exist$"):
        index_shard(shard)


class NoListings(SimpleHTTPRequestHandler):
    """Serves files, and no listings of folders."""

    def list_directory(self, path: str | os.PathLike[str]) -> None:  # noqa: ARG002
        self.send_error(HTTPStatus.FORBIDDEN)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_named_files_are_found_where_nothing_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a-0.tar").write_bytes(tar({"1.jpg": b"1"}))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(NoListings, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            listing = list_shards(f"http://127.0.0.1:{server.server_port}/a-{{0..1}}.tar", 5)
            assert [image.name for image in index_shard(listing.shards[0]).images] == ["1.jpg"]
        finally:
            server.shutdown()
    assert listing.shards[1].files[0].signature is None


def test_files_of_one_name_are_told_apart_by_their_folders(files: dict[str, bytes]) -> None:
    folder = put_in_memory({"x/a.tar": tar(files), "y/a.tar": tar(files)})
    listing = list_shards(f"{folder}/{{x,y}}/a.tar", 5)
    assert [shard.name[-7:] for shard in listing.shards] == ["x/a.tar", "y/a.tar"]
    names = [each.name for each in choose_calibration("x", [index_shard(shard) for shard in listing.shards], 24, 0)]
    assert len(set(names)) == 24


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "there are no files|does not exist; expected a folder"),
        ("/a-*.tar", "matches no tar files"),
        ("/a-{0..3}.tar", "none of 4 files exists"),
        ("/a.tar", r"a\.tar: it does not exist$"),
        ("/{a,a}.tar", "none of 2 files exists"),
        ("/{a,b}", "expected a tar file|does not exist; expected a folder"),
    ],
)
def test_where_nothing_is_there_nothing_is_listed(put: Put, pattern: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list_shards(f"{put({})}{pattern}", 5)


@pytest.mark.parametrize("name", ["a.tar", "a-{0..1}.tar"])
def test_a_server_that_is_not_reached_is_told_from_a_file_that_is_not_there(name: str) -> None:
    with pytest.raises(DataError, match=r"no connection: Connection refused$"):
        list_shards(f"http://127.0.0.1:1/{name}", 5)


def test_a_file_named_twice_is_refused(put: Put, files: dict[str, bytes]) -> None:
    with pytest.raises(DataError, match=r"a\.tar is in it 2 times"):
        list_shards(f"{put({'a.tar': tar(files)})}/{{a,a}}.tar", 5)


@pytest.mark.parametrize(
    "source", ["pipe:touch {}/x; cat a.tar", "{{pipe:touch {}/x,a}}.tar", "pipe:touch {}/{{x,y}}.tar"]
)
def test_commands_are_not_run(tmp_path: Path, source: str) -> None:
    with pytest.raises(DataError):
        list_shards(source.format(tmp_path), 5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing://x", "Protocol not known"),
        ("simplecache::s3://a/b", "chains of URLs"),
        ("a{0..100000}.tar", "more than 100,000 files"),
        ("x\0y", "does not exist"),
    ],
)
def test_odd_sources_are_refused(source: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list_shards(source, 5)


def test_shards_have_images() -> None:
    with pytest.raises(DataError, match="shards of 0 images"):
        list_shards("memory://x", 0)


@pytest.mark.parametrize(
    ("module", "source"), [("fsspec.core", "memory://x"), ("braceexpand", "memory://x.tar"), ("s3fs", "s3://bucket/x")]
)
def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, module: str, source: str) -> None:
    from fsspec.registry import _registry

    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(DataError, match=rf"{module}.*pip install (s3fs|'levit-edge\[sweep\]')$"):
        list_shards(source, 5)


def test_a_store_that_does_not_answer_is_named(s3: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    source = s3({"a/1.jpg": b""})
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(DataError, match=r"^s3://.*: "):
        list_shards(source, 5)

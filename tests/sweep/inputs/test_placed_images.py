"""Sources that are neither class folders nor WebDataset shards: their shards hold where each image lies."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.classes import ModelClasses, PairingRule
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.image_tables import ImageTables
from levit_edge.data.imagenet import synsets
from levit_edge.data.named_sets import Use
from levit_edge.data.options import ImageOptions
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError, SweepError
from levit_edge.sweep.inputs import sources
from levit_edge.sweep.inputs.images import Images
from levit_edge.sweep.inputs.shard_index import image_names, index_shard, labels_for, pairing_for
from levit_edge.sweep.inputs.shard_reader import entries
from levit_edge.sweep.inputs.sources import Listing, Shard, list_shards
from tests.data.sources.made_up import jpeg, numbering, tar_bytes, validation_name, write_devkit, write_files, write_tar
from tests.data.sources.test_open import parquet
from tests.sweep.places import put_in_memory

VALIDATION = {validation_name(number): jpeg(number) for number in range(1, 6)}
PLACES = [65, 970, 0, 65, 2]
IDS = {wordnet_id: number for number, wordnet_id in numbering().items()}
TRUTH = {number: IDS[synsets()[place]] for number, place in enumerate(PLACES, 1)}


def read(listing: Listing) -> tuple[list[str], list[int], list[bytes]]:
    """Names, labels for ImageNet's outputs, and contents, as workers find them."""
    shards = [from_json(Shard, json.loads(json.dumps(to_json(each))), SweepError, "it") for each in listing.shards]
    assert tuple(shards) == listing.shards
    assert len({*shards, *listing.shards}) == len(shards)  # as a sweep counts them, of both sources
    indices = [index_shard(each) for each in shards]
    labels = labels_for(listing, indices, ModelClasses(outputs=1000))
    content = [entry.content for shard in shards for entry in entries(shard)]
    return [*image_names(indices)], [each for of_shard in labels for each in of_shard or ()], content


def test_a_validation_tar_with_the_devkit(tmp_path: Path) -> None:
    write_devkit(tmp_path / "ILSVRC2012_devkit_t12.tar.gz", TRUTH)
    listing = list_shards(str(write_tar(tmp_path / "ILSVRC2012_img_val.tar", VALIDATION)), 2)
    assert [each.name for each in listing.shards] == [
        f"ILSVRC2012_img_val.tar[{part}]" for part in ("0:2", "2:4", "4:5")
    ]
    assert read(listing) == ([*VALIDATION], PLACES, [*VALIDATION.values()])


def test_a_folder_with_a_table_and_a_list(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "val", VALIDATION)
    (tmp_path / "val.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(VALIDATION, PLACES, strict=True)))
    (tmp_path / "only.txt").write_text(f"{validation_name(2)}\n{validation_name(5)}\n")
    options = ImageOptions(labels=tmp_path / "val.txt", only=tmp_path / "only.txt")
    names, labels, _ = read(list_shards(str(folder), 9, options))
    assert (names, labels) == ([validation_name(2), validation_name(5)], [970, 2])


def test_what_was_given_with_images_is_recorded_with_them(tmp_path: Path) -> None:
    """A stored calibration may be of the same images elsewhere: what this run was given counts."""
    folder = write_files(tmp_path / "val", VALIDATION | {"notes.txt": b"by hand"})
    (tmp_path / "val.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(VALIDATION, PLACES, strict=True)))
    (tmp_path / "only.txt").write_text(f"{validation_name(2)}\n")
    options = ImageOptions(labels=tmp_path / "val.txt", only=tmp_path / "only.txt")
    listing = list_shards(str(folder), 9, options)
    images = Images(listing, [(index_shard(each), "0" * 64) for each in listing.shards], [])
    stored = ImageProvenance(source="elsewhere", count=1, sha256="1" * 64, files=("a.jpg",))
    for found in (images.provenance((frozenset(),)), images.placed(stored)):
        assert found.source == str(folder)
        assert found.tables == ImageTables.of(options)
        assert found.tables is not None
        assert sorted(found.tables.named()) == ["labels", "only"]
        assert found.passed_over == {"no image": 1}
    assert images.placed(stored).files == stored.files


def made_images(source: Path, size: int = 9) -> Images:
    listing = list_shards(str(source), size)
    return Images(listing, [(index_shard(each), "0" * 64) for each in listing.shards], [])


def test_what_a_tar_file_holds_besides_is_counted_when_it_is_read(tmp_path: Path) -> None:
    for number in range(2):
        write_tar(tmp_path / f"{number}.tar", {"1.jpg": jpeg(1), "1.cls": b"1", "1.heic": b"", "1.txt": b"a caption"})
    assert made_images(tmp_path / "*.tar").passed_over == {"HEIC": 2}


def test_folders_that_are_no_labels_are_said_to_be_none(tmp_path: Path) -> None:
    for name, content, said in (
        ("x.tar.gz", tar_bytes({"cat/1.jpg": jpeg(1), "dog/1.jpg": jpeg(2)}, "w:gz"), " has no labels: folders in tar"),
        ("x.tar.gz", tar_bytes({"1.jpg": jpeg(1)}, "w:gz"), " has no class folders or other labels"),
    ):
        (tmp_path / name).write_bytes(content)
        images = made_images(tmp_path / name)
        assert not images.labels_are_known
        assert images.unlabelled.startswith(f"{tmp_path / name}{said}")


def test_squares_of_one_size_are_noticed(tmp_path: Path) -> None:
    """By the first images of each shard that can be read."""
    squares = {f"{number}.jpg": jpeg(number, 8) for number in range(6)}
    folder = write_files(tmp_path / "val", squares | {"1.jpg": b"damaged"})
    assert made_images(folder, 3).side == 8
    write_files(folder, {"5.jpg": jpeg(1, 9)})
    assert made_images(folder, 3).side is None
    write_files(folder, {name: jpeg(1, 9) for name in ("3.jpg", "4.jpg")})
    assert made_images(folder, 3).side is None
    buffer = io.BytesIO()
    Image.new("RGB", (8, 9)).save(buffer, "PNG")
    write_files(tmp_path / "oblong", {"1.png": buffer.getvalue()})
    assert made_images(tmp_path / "oblong").side is None


def test_a_public_set_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_files(tmp_path / "fetched", {"n01440764/a.jpg": jpeg(1), "n02102040/b.jpg": jpeg(2)})
    monkeypatch.setattr(sources, "fetch_set", lambda _name, _use: folder)
    (tmp_path / "imagenette").mkdir()
    monkeypatch.chdir(tmp_path)  # whose folder of that name is not meant
    listing = list_shards("imagenette", 9)
    assert listing.source == "imagenette"
    assert listing.shards[0].root == str(folder)


def val_with_a_kit_inside(folder: Path) -> Path:
    write_files(folder / "val", VALIDATION)
    kit = write_devkit(folder / "kit.tar.gz", TRUTH)
    with tarfile.open(kit) as archive:
        archive.extractall(folder / "val", filter="data")
    return folder / "val"


def class_tars(folder: Path) -> Path:
    for place in (65, 2):
        wordnet_id = synsets()[place]
        write_tar(folder / f"{wordnet_id}.tar", {f"{wordnet_id}_{number}.JPEG": jpeg(number) for number in (1, 2)})
    return folder / "n*.tar"


def folder_of_one_shard(folder: Path) -> Path:
    samples = [(f"{number}.jpg", jpeg(number), f"{number}.cls", str(number).encode()) for number in (3, 1)]
    write_tar(
        folder / "val-0.tar",
        {name: content for image, of, cls, label in samples for name, content in ((image, of), (cls, label))},
    )
    return folder


def validation_tar_in_a_folder(folder: Path) -> Path:
    write_tar(folder / "ILSVRC2012_img_val.tar", VALIDATION)
    return folder


def folders_in_parts(folder: Path) -> Path:
    """Two tar files, each with both class folders."""
    for number in (1, 2):
        write_tar(folder / f"part{number}.tar", {f"{synsets()[p]}/{number}.jpg": jpeg(number + p) for p in (65, 2)})
    return folder / "part*.tar"


def folders_in_a_range_of_parts(folder: Path) -> Path:
    folders_in_parts(folder)
    return folder / "part{1..2}.tar"


@pytest.mark.parametrize(
    "made",
    [
        val_with_a_kit_inside,
        class_tars,
        folder_of_one_shard,
        validation_tar_in_a_folder,
        folders_in_parts,
        folders_in_a_range_of_parts,
    ],
)
def test_images_and_labels_are_those_of_verify(tmp_path: Path, made: Callable[[Path], Path]) -> None:
    (tmp_path / "images").mkdir()
    source = made(tmp_path / "images")
    expected = evaluation_images(source, ModelClasses(outputs=1000))
    names, labels, _ = read(list_shards(str(source), 2))
    assert (tuple(names), tuple(labels)) == (expected.relative_paths, expected.labels or ())


SAMPLES = {"1.jpg": jpeg(3), "1.cls": b"3", "2.jpg": jpeg(1), "2.cls": b"1"}


@pytest.mark.parametrize("called", ["shard", "shards/*.wds", "shards/{0..0}.wds"])
def test_tar_files_are_known_by_what_they_hold(called: str, tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    for path in (tmp_path / "shard", tmp_path / "shards" / "0.wds"):
        write_tar(path, SAMPLES)
    assert read(list_shards(f"{tmp_path}/{called}", 9))[:2] == (["1.jpg", "2.jpg"], [3, 1])


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.zip", b"PK"), ("x.tar.zst", b"\x28\xb5\x2f\xfd"), ("x.txt", b"x"), ("nothing", None), ("*.wds", None)],
)
def test_what_is_no_images_is_told_as_by_verify(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as expected:
        evaluation_images(tmp_path / name, ModelClasses(outputs=1000))
    with pytest.raises(DataError) as found:
        list_shards(str(tmp_path / name), 9)
    assert str(found.value) == str(expected.value)


def test_what_should_tell_the_labels_and_is_damaged_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(b"no archive")
    packed = write_tar(tmp_path / "ILSVRC2012_img_val.tar", VALIDATION)
    for source in (packed, write_files(tmp_path / "val", VALIDATION)):
        with pytest.raises(DataError, match=r"ILSVRC2012_devkit_t12\.tar\.gz: file could not be opened"):
            list_shards(str(source), 2)


def test_several_tar_files_in_a_folder_are_not_taken_for_a_set(tmp_path: Path) -> None:
    for name in ("train.tar", "val.tar"):
        write_tar(tmp_path / name, VALIDATION)
    with pytest.raises(DataError, match=r"2 tar files \(train.tar, val.tar\): give one of them"):
        list_shards(str(tmp_path), 2)


def test_parquet_files(tmp_path: Path) -> None:
    parquet(tmp_path / "validation-0.parquet", names=None)
    for source in (tmp_path, tmp_path / "validation-*.parquet"):
        _, labels, _ = read(list_shards(str(source), 3))
        assert labels == [0, 65, 2, 0]


def test_parquet_files_number_classes_by_their_own_list(tmp_path: Path) -> None:
    """For a network without names, as for `verify`: not by the names' order in the alphabet."""
    path = parquet(
        tmp_path / "validation-0.parquet", names=tuple(f"kind {number:03}" for number in reversed(range(70)))
    )
    listing, model = list_shards(str(path), 3), ModelClasses(outputs=70)
    indices = [index_shard(each) for each in listing.shards]
    alike = evaluation_images(path, model)
    assert [each for of_shard in labels_for(listing, indices, model) for each in of_shard or ()] == [0, 65, 2, 0]
    assert alike.labels == (0, 65, 2, 0)
    pairing = pairing_for(listing, indices, model)
    assert pairing is not None
    assert pairing.rule is PairingRule.LISTED
    assert pairing == alike.pairing


def test_a_table_of_classes_is_read_with_the_images(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "val", {"cat/1.jpg": jpeg(1), "dog/1.jpg": jpeg(2)})
    (tmp_path / "classes.csv").write_text("cat,1\ndog,0\n")
    listing = list_shards(str(folder), 9, ImageOptions(classes=tmp_path / "classes.csv"))
    indices = [index_shard(each) for each in listing.shards]
    assert labels_for(listing, indices, ModelClasses(outputs=2)) == ((1, 0),)
    with pytest.raises(DataError, match=r"nothing\.csv does not exist; expected a file of class names"):
        list_shards(str(folder), 9, ImageOptions(classes=tmp_path / "nothing.csv"))


@pytest.mark.parametrize("key", ["labels", "devkit", "only"])
def test_tables_of_files_at_urls_are_refused_and_not_left_out(key: str, tmp_path: Path) -> None:
    folder = put_in_memory({"a/1.jpg": jpeg(1), "b/1.jpg": jpeg(2)})
    asked: Any = {key: tmp_path / "x"}
    with pytest.raises(DataError, match="labels, devkit and only are for local images"):
        list_shards(folder, 9, ImageOptions(**asked))


def test_a_tar_of_class_folders(tmp_path: Path) -> None:
    files = {f"{synsets()[place]}/{number}.jpg": jpeg(number) for number, place in enumerate((2, 65))}
    assert read(list_shards(str(write_tar(tmp_path / "v.tar", files)), 9))[:2] == ([*files], [2, 65])


def test_an_archive_that_has_changed_is_refused(tmp_path: Path) -> None:
    write_devkit(tmp_path / "ILSVRC2012_devkit_t12", TRUTH)
    path = write_tar(tmp_path / "val.tar", VALIDATION)
    (shard,) = list_shards(str(path), 9).shards
    write_tar(path, dict(reversed(VALIDATION.items())))
    with pytest.raises(DataError, match=r"val\.tar: changed since it was listed; list the images again"):
        [*entries(shard)]


def test_labels_that_do_not_fit_are_told_when_listing(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "val", VALIDATION)
    (tmp_path / "val.txt").write_text(f"{validation_name(1)} 3\n")
    with pytest.raises(DataError, match=r"val has 5 images, but 4 of them are not in .*val.txt"):
        list_shards(str(folder), 9, ImageOptions(labels=tmp_path / "val.txt"))


def test_a_name_of_two_classes_with_images_is_refused_only_to_evaluate(tmp_path: Path) -> None:
    names = tuple("class 0" if place == 65 else f"class {place}" for place in range(70))
    path = str(parquet(tmp_path / "a.parquet", names=names))
    with pytest.raises(DataError, match="names 'class 0' twice, as classes 0 and 65"):
        list_shards(path, 9)
    listing = list_shards(path, 9, use=Use.CALIBRATION)
    assert labels_for(listing, [index_shard(each) for each in listing.shards], None) == ((0, 2, 1, 0),)

"""Local tar files by themselves and by patterns: what of them is for `verify`, and what for workers to read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import calibration_images, evaluation_images
from levit_edge.data.sources.archive import find_in_tars
from levit_edge.data.sources.found import Found
from levit_edge.errors import DataError
from levit_edge.sweep.inputs import sources
from levit_edge.sweep.inputs.shard_index import image_names, index_shard, labels_for
from levit_edge.sweep.inputs.sources import list_shards
from tests.data.sources.made_up import jpeg, write_tar

SAMPLES = {"1.jpg": jpeg(3), "1.cls": b"3", "2.jpg": jpeg(1), "2.cls": b"1"}


def tar_for_each_class(folder: Path) -> Path:
    for number, name in enumerate(("cat", "dog")):
        write_tar(folder / f"{name}.tar", {f"{each}.jpg": jpeg(9 * number + each) for each in range(3)})
    return folder / "*.tar"


def numbered_class_folders(folder: Path) -> Path:
    for number in (1, 2):
        write_tar(folder / f"{number}.tar", {f"{name}/{number}.jpg": jpeg(number + len(name)) for name in ("a", "bcd")})
    return folder / "{1,2}.tar"


@pytest.mark.parametrize("made", [tar_for_each_class, numbered_class_folders])
def test_calibration_of_a_pattern_knows_the_classes(tmp_path: Path, made: Callable[[Path], Path]) -> None:
    """Or others would be chosen than by `quantize`, without a word."""
    source = made(tmp_path)
    expected = calibration_images(Path(str(source).replace("{1,2}", "*")))
    listing = list_shards(str(source), 2)
    indices = [index_shard(each) for each in listing.shards]
    assert image_names(indices) == expected.relative_paths
    found = [each for of_shard in labels_for(listing, indices, None) for each in of_shard or ()]
    assert tuple(found) == expected.labels


TRAIN_AND_VAL = {"train/cat/1.jpg": jpeg(1), "val/cat/2.jpg": jpeg(2)}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("x.tar", {"x.tar": TRAIN_AND_VAL}),
        ("x.tar", {"x.tar": {"cat/1.jpg": jpeg(1), "dog/1.jpg": jpeg(2), "3.jpg": jpeg(3)}}),
        ("x.tar", {"x.tar": {"n01440764.tar": b"no tar file"}}),
        ("*.tar", {"1.tar": TRAIN_AND_VAL, "2.tar": {"train/dog/1.jpg": jpeg(3)}}),
    ],
)
def test_a_whole_tar_file_is_refused_as_by_verify(
    name: str, files: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    for each, content in files.items():
        write_tar(tmp_path / each, content)
    with pytest.raises(DataError) as expected:
        evaluation_images(tmp_path / name, ModelClasses(outputs=1000))
    with pytest.raises(DataError) as found:
        list_shards(str(tmp_path / name), 9)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("name", ["0.tar", "*.tar", "{0..1}.tar"])
def test_a_truncated_tar_file_is_a_shard_that_its_task_names(name: str, tmp_path: Path) -> None:
    for number in range(2):
        write_tar(tmp_path / f"{number}.tar", SAMPLES)
    whole = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(whole[:1024])
    first = list_shards(f"{tmp_path}/{name}", 9).shards[0]
    with pytest.raises(DataError, match=r"^0\.tar: "):
        index_shard(first)


def test_of_labelled_shards_one_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write_tar(tmp_path / f"{number}.tar", SAMPLES)
    looked: list[str] = []

    def find(source: str, paths: Sequence[Path]) -> Found:
        looked.extend(path.name for path in paths)
        return find_in_tars(source, paths)

    monkeypatch.setattr(sources, "find_in_tars", find)
    assert len(list_shards(f"{tmp_path}/*.tar", 9).shards) == 3
    assert looked == ["0.tar"]


@pytest.mark.parametrize(("name", "mode"), [("x.tgz", "w:gz"), ("x.txz", "w:xz"), ("x.tbz2", "w:bz2")])
def test_a_compressed_tar_file_is_known_by_its_ending(name: str, mode: str, tmp_path: Path) -> None:
    (shard,) = list_shards(str(write_tar(tmp_path / name, SAMPLES, mode)), 9).shards
    index = index_shard(shard)
    assert [(each.name, each.label) for each in index.images] == [("1.jpg", 3), ("2.jpg", 1)]

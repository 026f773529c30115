from dataclasses import replace
from pathlib import Path

import pytest

from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import check_headers
from levit_edge.data.locations import read_bytes
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample, digest
from levit_edge.errors import DataError, OutputError
from levit_edge.model.config import CONFIGS
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.sweep.inputs.calibration_files import choose_calibration, in_the_users_words, materialise
from levit_edge.sweep.inputs.shard_index import index_shard
from levit_edge.sweep.inputs.sources import list_shards
from tests.data.sources.made_up import jpeg
from tests.sweep.places import Put, put_in_memory, tar


@pytest.mark.parametrize("in_tar", [False, True])
def test_calibration_is_that_of_the_local_folder(
    put: Put, files: dict[str, bytes], photographs: ImageSet, tmp_path: Path, in_tar: bool
) -> None:
    source = f"{put({'x.tar': tar(files)})}/x.tar" if in_tar else put(files)
    shards = list_shards(source, 5).shards
    images = photographs if not in_tar else replace(photographs, labels=None)  # there are no labels in it
    expected = balanced_sample(images, 7, seed=1)
    copies = tmp_path / "copies"
    copies.mkdir()
    chosen = choose_calibration(source, [index_shard(shard) for shard in shards], 7, seed=1)
    copied = materialise(shards, chosen, copies)
    assert digest(copied) == digest(expected)
    assert {path.name for path in copies.iterdir()} == {f"{number:06}.jpg" for number in range(7)}

    preprocessing = Preprocessing.from_config(CONFIGS["demo"])
    seen = []
    for each in (copied, expected):
        with CalibrationImages(each.images, preprocessing, ImageOptions(workers=0)) as calibration:
            tensors = [tensor.numpy().tobytes() for tensor in calibration.tensors(lambda _: None)]
            seen.append((tensors, ImageProvenance.of("x", each, calibration.bad, list_files=True)))
    assert seen[0] == seen[1]


HOSTILE = ["../../outside.jpg", "/outside.jpg", "a/../../b.jpg", "a\\b.jpg", "x" * 5000 + ".jpg", "a\n.jpg"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_lead_nowhere(tmp_path: Path, name: str) -> None:
    copies = tmp_path / "deep" / "copies"
    copies.mkdir(parents=True)
    shards = list_shards(f"{put_in_memory({'x.tar': tar({name: b'image'})})}/x.tar", 1).shards
    chosen = choose_calibration("x", [index_shard(shards[0])], 1, 0)
    images = materialise(shards, chosen, copies)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == ["deep/copies/000000.jpg"]
    assert read_bytes(images.images[0]) == b"image"
    assert images.relative_paths == (name,)


def test_an_image_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    source = put_in_memory({"a/1.jpg": b"first"})
    (shard,) = list_shards(source, 9).shards
    chosen = choose_calibration(source, [index_shard(shard)], 1, 0)
    import fsspec

    fsspec.filesystem("memory").pipe_file(f"{source}/a/1.jpg", b"later")
    with pytest.raises(DataError, match=r"a/1\.jpg: changed since it was indexed"):
        materialise(list_shards(source, 9).shards, chosen, tmp_path)


def test_bad_images_are_named_as_the_user_knows_them(tmp_path: Path) -> None:
    source = put_in_memory({"a/1.jpg": b"damaged", "a/2.jpg": jpeg(1)})
    shards = list_shards(source, 9).shards
    images = materialise(shards, choose_calibration(source, [index_shard(shards[0])], 2, 0), tmp_path)
    with pytest.raises(DataError) as caught, in_the_users_words(images):
        check_headers(images.images, lambda _done: None)
    said = str(caught.value)
    assert str(tmp_path) not in said
    assert "a/1.jpg: " in said
    assert "leave them out with `skip_bad_images = true` in the plan" in said


def test_a_copy_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source = put_in_memory({"a/1.jpg": b"first"})
    (shard,) = list_shards(source, 9).shards
    with pytest.raises(OutputError, match=r"nowhere/000000\.jpg cannot be written: No such file"):
        materialise([shard], choose_calibration(source, [index_shard(shard)], 1, 0), tmp_path / "nowhere")

import hashlib
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.sampling import balanced_sample, digest, digest_of
from levit_edge.errors import DataError

ROOT = Path("root")


def labelled(*sizes: int) -> ImageSet:
    """A set with as many images in each class as given; nothing lies on disk."""
    pairs = [(label, f"{label}/{index}.jpg") for label, size in enumerate(sizes) for index in range(size)]
    return ImageSet(
        root=ROOT,
        images=tuple(ROOT / path for _, path in pairs),
        labels=tuple(label for label, _ in pairs),
    )


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=6), seed=st.integers(0, 99), data=st.data())
def test_classes_are_as_even_as_they_allow(sizes: list[int], seed: int, data: st.DataObject) -> None:
    image_set = labelled(*sizes, 1)
    count = data.draw(st.integers(1, len(image_set)))
    sample = balanced_sample(image_set, count, seed)
    assert len(set(sample.images)) == count
    assert sample.labels == tuple(int(name.split("/")[0]) for name in sample.relative_paths)
    taken = Counter(sample.labels)
    most = max(taken.values())
    for label, size in enumerate([*sizes, 1]):
        assert taken[label] >= min(size, most - 1)


def test_the_order_of_listing_does_not_matter() -> None:
    image_set = labelled(5, 7, 3)
    shuffled = image_set.select(Random(3).sample(range(15), 15))
    assert balanced_sample(image_set, 8, seed=1) == balanced_sample(shuffled, 8, seed=1)


def test_neither_does_where_the_images_lie() -> None:
    image_set = labelled(5, 7)
    moved = ImageSet(
        root=Path("/elsewhere"),
        images=tuple(Path("/elsewhere") / path for path in image_set.relative_paths),
        labels=image_set.labels,
    )
    assert balanced_sample(image_set, 6, 0).relative_paths == balanced_sample(moved, 6, 0).relative_paths


def test_a_sample_is_the_same_for_ever() -> None:
    sample = balanced_sample(labelled(4, 4, 4), 5, seed=0)
    assert sample.relative_paths == ("1/2.jpg", "0/1.jpg", "2/3.jpg", "2/0.jpg", "0/0.jpg")  # by `sha256sum`


def test_seeds_differ_and_small_samples_begin_large_ones() -> None:
    image_set = labelled(20, 20)
    assert balanced_sample(image_set, 8, 0) != balanced_sample(image_set, 8, 1)
    assert balanced_sample(image_set, 20, 0).images[:8] == balanced_sample(image_set, 8, 0).images


def test_few_images_of_many_classes_are_not_those_of_the_first() -> None:
    sample = balanced_sample(labelled(*[3] * 200), 20, seed=0)
    assert sample.labels is not None
    assert max(sample.labels) > 100


def test_a_set_without_labels_is_sampled() -> None:
    image_set = ImageSet(root=ROOT, images=tuple(ROOT / f"{index}.jpg" for index in range(50)), labels=None)
    sample = balanced_sample(image_set, 10, seed=0)
    assert len(set(sample.images)) == 10
    assert sample.labels is None
    assert sample.images != image_set.images[:10]


@pytest.mark.parametrize("count", [16, 0, -1])
def test_impossible_counts_are_refused_with_both_numbers(count: int) -> None:
    with pytest.raises(DataError, match=f"asked for {count} images, but there are 15"):
        balanced_sample(labelled(5, 10), count, seed=0)


@pytest.fixture
def on_disk(tmp_path: Path) -> ImageSet:
    """Three files in two classes."""
    for name in ("cat/a.jpg", "dog/b.jpg", "dog/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return evaluation_images(tmp_path, ModelClasses(outputs=2))


def test_the_digest_is_that_of_sha256sum(on_disk: ImageSet) -> None:
    command = f"sha256sum {' '.join(on_disk.relative_paths)} | sha256sum"
    result = subprocess.run(command, shell=True, cwd=on_disk.root, check=True, capture_output=True, text=True)  # noqa: S602
    assert result.stdout.split()[0] == digest(on_disk)


def test_the_digest_does_not_depend_on_order(on_disk: ImageSet) -> None:
    assert digest(on_disk.select([2, 0, 1])) == digest(on_disk)


def test_the_digest_is_that_of_hashes_that_are_known_already(on_disk: ImageSet) -> None:
    known = {path: hashlib.sha256(path.encode()).hexdigest() for path in on_disk.relative_paths}
    assert digest_of(reversed(known.items())) == digest(on_disk)


def test_copies_keep_their_names(on_disk: ImageSet, tmp_path: Path) -> None:
    before = digest(on_disk.select([0, 1]))
    copies = tmp_path / "copies"
    copies.mkdir()
    images = tuple(Path(str(image)).rename(copies / f"{n}.jpg") for n, image in enumerate(on_disk.images))
    copied = replace(on_disk, root=copies, images=images, names=("cat/a.jpg", "dog/b.jpg", "dog/c.jpg"))
    assert digest(copied.select([1, 0])) == before
    assert copied.select([2, 0]).relative_paths == ("dog/c.jpg", "cat/a.jpg")


def test_the_digest_tells_contents_names_and_members_apart(on_disk: ImageSet) -> None:
    before = {digest(on_disk), digest(on_disk.select([0, 1]))}
    (on_disk.root / "dog/b.jpg").write_text("other")
    before.add(digest(on_disk))
    (on_disk.root / "dog/b.jpg").rename(on_disk.root / "cat/b.jpg")
    before.add(digest(evaluation_images(on_disk.root, ModelClasses(outputs=2))))
    assert len(before) == 4


def test_an_image_that_has_gone_is_named(on_disk: ImageSet) -> None:
    Path(str(on_disk.images[1])).unlink()
    with pytest.raises(DataError, match=r"b\.jpg: it does not exist"):
        digest(on_disk)

"""Every layout, by a small made-up copy: the images, their names, and their classes by the 1,000-class table."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levit_edge.data.imagenet import class_names, synsets
from levit_edge.data.locations import Row, Span, image_at, read_bytes
from levit_edge.data.sources.found import Found, LabelKind
from levit_edge.data.sources.open import open_source
from levit_edge.errors import DataError
from tests.data.sources.made_up import (
    devkit_files,
    jpeg,
    numbering,
    tar_bytes,
    validation_name,
    write_devkit,
    write_files,
    write_tar,
)

TENCH, SHARK, SNAKE = "n01440764", "n01484850", "n01751748"
PLACES = {TENCH: 0, SHARK: 2, SNAKE: 65}
CLASSES = [TENCH, SNAKE, SHARK, TENCH]
"""Of the made-up validation images, 1 to 4."""
VALIDATION = {validation_name(number): jpeg(number) for number in range(1, 5)}
IDS = {wordnet_id: number for number, wordnet_id in numbering().items()}
TRUTH = {number: IDS[wordnet_id] for number, wordnet_id in enumerate(CLASSES, 1)}
TABLE = "".join(f"{name} {PLACES[each]}\n" for name, each in zip(VALIDATION, CLASSES, strict=True))
TRAINING = {f"{each}/{each}_{number}.JPEG": jpeg(PLACES[each] * 10 + number) for each in PLACES for number in (1, 2)}


def labels(found: Found) -> tuple[LabelKind, list[str]]:
    assert found.labels is not None
    return found.labels.kind, list(found.labels.of_images)


def test_the_table_has_these_classes() -> None:
    assert [synsets().index(each) for each in PLACES] == [*PLACES.values()]
    assert [class_names()[place] for place in PLACES.values()] == ["tench", "great white shark", "sea snake"]


@pytest.mark.parametrize("kit", ["ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12"])
def test_validation_tar_with_the_devkit_beside_it(tmp_path: Path, kit: str) -> None:
    write_devkit(tmp_path / kit, TRUTH)
    backwards = dict(reversed(VALIDATION.items()))
    found = open_source(write_tar(tmp_path / "ILSVRC2012_img_val.tar", backwards))
    assert found.names == tuple(VALIDATION)
    assert labels(found) == (LabelKind.WORDNET_IDS, CLASSES)
    assert all(isinstance(each, Span) for each in found.images)
    assert [read_bytes(each) for each in found.images] == [*VALIDATION.values()]


def test_validation_folder_with_the_devkit_in_beside_or_given(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "a" / "val", VALIDATION)
    assert open_source(folder).labels is None
    elsewhere = write_devkit(tmp_path / "kit", TRUTH)
    assert labels(open_source(folder, devkit=elsewhere)) == (LabelKind.WORDNET_IDS, CLASSES)
    write_devkit(tmp_path / "a" / "ILSVRC2012_devkit_t12", TRUTH)
    assert labels(open_source(folder)) == (LabelKind.WORDNET_IDS, CLASSES)


def test_kaggles_tree(tmp_path: Path) -> None:
    tree = tmp_path / "ILSVRC" / "Data" / "CLS-LOC"
    write_files(tree / "val", VALIDATION)
    write_files(tree / "train", TRAINING)
    rows = [f"{Path(name).stem},{each} 1 2 3 4 " for name, each in zip(VALIDATION, CLASSES, strict=True)]
    text = "\n".join(["ImageId,PredictionString", f"{validation_name(9)[:-5]},{TENCH} 1 2 3 4 ", *rows])
    (tmp_path / "LOC_val_solution.csv").write_text(text)
    assert labels(open_source(tree / "val")) == (LabelKind.WORDNET_IDS, CLASSES)
    assert labels(open_source(tree / "train")) == (LabelKind.WORDNET_IDS, [each.split("/")[0] for each in TRAINING])


def test_caffes_table(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text(TABLE)
    for source in (
        write_files(tmp_path / "val", VALIDATION),
        write_tar(tmp_path / "val.tar", {f"val/{name}": content for name, content in VALIDATION.items()}),
    ):
        found = open_source(source, labels=tmp_path / "val.txt")
        assert labels(found) == (LabelKind.WORDNET_IDS, CLASSES)
        assert found.names == tuple(VALIDATION)  # the same, packed or not


def test_training_tar_of_tars(tmp_path: Path) -> None:
    inner = {
        f"{each}.tar": tar_bytes({Path(name).name: content for name, content in TRAINING.items() if each in name})
        for each in reversed(PLACES)
    }
    packed = open_source(write_tar(tmp_path / "ILSVRC2012_img_train.tar", inner))
    once_unpacked = open_source(write_files(tmp_path / "train", inner))
    for found in (packed, once_unpacked):
        assert found.names == tuple(TRAINING)
        assert labels(found) == (LabelKind.WORDNET_IDS, [each.split("/")[0] for each in TRAINING])
        assert [read_bytes(each) for each in found.images] == [*TRAINING.values()]


def parquet(path: Path, *, names: tuple[str, ...] | None, labelled: bool = True, kind: str = "int64") -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    table = {"image": [{"bytes": each, "path": name} for name, each in VALIDATION.items()]}
    metadata = {}
    if labelled:
        numbers = [PLACES[each] for each in CLASSES]
        table["label"] = pyarrow.array([f"x{each}" for each in numbers] if kind == "string" else numbers, kind)
        feature = {"_type": "Value"} if names is None else {"_type": "ClassLabel", "names": names}
        metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    files.write_table(pyarrow.table(table).replace_schema_metadata(metadata), path, row_group_size=3)
    return path


HUB_NAMES = (*(f"{name}, of many names" for name in class_names()[:-1]), "crane2")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (HUB_NAMES, (LabelKind.WORDNET_IDS, CLASSES)),
        (synsets(), (LabelKind.WORDNET_IDS, CLASSES)),
        (None, (LabelKind.INDICES, ["0", "65", "2", "0"])),
        (tuple(f"dress {n}" for n in range(66)), (LabelKind.NAMES, ["dress 0", "dress 65", "dress 2", "dress 0"])),
    ],
)
def test_parquet_of_the_hub(
    tmp_path: Path, names: tuple[str, ...] | None, expected: tuple[LabelKind, list[str]]
) -> None:
    path = parquet(tmp_path / "validation-00000-of-00001.parquet", names=names)
    for source in (path, tmp_path, tmp_path / "validation-*.parquet"):
        found = open_source(source)
        assert labels(found) == expected
        assert found.names == tuple(VALIDATION)
        assert [each.row_group for each in found.images if isinstance(each, Row)] == [0, 0, 0, 1]
        for order in (range(4), (3, 0, 2, 1, 1)):
            assert [read_bytes(found.images[place]) for place in order] == [[*VALIDATION.values()][p] for p in order]


def test_webdataset_shards(tmp_path: Path) -> None:
    for shard, pair in enumerate(((0, 1), (2, 3))):
        files: dict[str, bytes] = {}
        for place in pair:
            name, wordnet_id = [*VALIDATION][place], CLASSES[place]
            label = {"cls": str(PLACES[wordnet_id])} if shard else {"json": json.dumps({"label": PLACES[wordnet_id]})}
            files[name.replace(".JPEG", ".jpg")] = VALIDATION[name]
            files |= {name.replace("JPEG", ending): text.encode() for ending, text in label.items()}
        write_tar(tmp_path / f"val-00{shard}.tar", files)
    for pattern in ("val-*.tar", "val-{000..001}.tar"):
        found = open_source(tmp_path / pattern)
        assert labels(found) == (LabelKind.INDICES, ["0", "65", "2", "0"])
        assert [read_bytes(each) for each in found.images] == [*VALIDATION.values()]


def test_captions_beside_images_are_no_labels(tmp_path: Path) -> None:
    """img2dataset's shards have a `.json` beside each image, for its address and caption."""
    caption = b'{"caption": "a hat", "key": "000000000", "status": "success"}'
    files = {"000000000.jpg": jpeg(1), "000000000.json": caption, "000000000.txt": b"a hat"}
    found = open_source(write_tar(tmp_path / "00000.tar", files))
    assert (found.names, found.labels) == (("000000000.jpg",), None)


def test_a_tar_of_the_folder_itself_has_its_class_folders(tmp_path: Path) -> None:
    """`tar -cf val.tar -C val .` writes `./` and `./hat/1.jpg`."""
    write_files(tmp_path / "val", {"hat/1.jpg": jpeg(1), "boot/1.jpg": jpeg(2)})
    with tarfile.open(tmp_path / "val.tar", "w") as archive:
        archive.add(tmp_path / "val", ".")
    found = open_source(tmp_path / "val.tar")
    assert labels(found) == (LabelKind.FOLDERS, ["boot", "hat"])
    assert found.labels is not None
    assert found.labels.classes == ("boot", "hat")


def tars(folder: Path, contents: dict[str, dict[str, bytes]]) -> Path:
    return write_files(folder, {f"{name}.tar": tar_bytes(files) for name, files in contents.items()})


IN_TWO = {
    "part1": {"cat/1.jpg": jpeg(1), "dog/2.jpg": jpeg(2)},
    "part2": {"cat/3.jpg": jpeg(3), "eel/4.jpg": jpeg(4)},
}


@pytest.mark.parametrize("root", ["", "set/train/"])
def test_class_folders_spread_over_tar_files(tmp_path: Path, root: str) -> None:
    spread = {tar: {f"{root}{name}": each for name, each in files.items()} for tar, files in IN_TWO.items()}
    folder = tars(tmp_path / "x", spread)
    for source in (folder, folder / "*.tar", folder / "part{1..2}.tar"):
        found = open_source(source)
        assert found.names == ("cat/1.jpg", "cat/3.jpg", "dog/2.jpg", "eel/4.jpg")
        assert [read_bytes(each) for each in found.images] == [jpeg(1), jpeg(3), jpeg(2), jpeg(4)]
        assert labels(found) == (LabelKind.FOLDERS, ["cat", "cat", "dog", "eel"])


@pytest.mark.parametrize(
    "contents",
    [
        {"a-c": {"cat/1.jpg": jpeg(1)}, "d-z": {"dog/2.jpg": jpeg(2)}},
        {"cat": {"1.jpg": jpeg(1)}, "dog": {"2.jpg": jpeg(2)}},
        {"cat": {"./images/1.jpg": jpeg(1)}, "dog": {"./images/2.jpg": jpeg(2)}},
    ],
)
def test_tar_files_that_are_classes_or_have_their_own(tmp_path: Path, contents: dict[str, dict[str, bytes]]) -> None:
    for source in (tars(tmp_path / "x", contents), tmp_path / "x" / "*.tar"):
        found = open_source(source)
        assert found.names == ("cat/1.jpg", "dog/2.jpg")
        assert labels(found) == (LabelKind.FOLDERS, ["cat", "dog"])


@pytest.mark.parametrize("root", ["", "train/", "{tar}/"])
def test_wordnet_ids_are_classes_wherever_they_are_in_tar_files(tmp_path: Path, root: str) -> None:
    """Also one for each tar file, as in tiny ImageNet, where images are a folder deeper."""
    spread = {
        tar: {f"{root.format(tar=tar)}{wordnet_id}/images/{place}.jpg": jpeg(place) for place in (1, 2)}
        for tar, wordnet_id in {"first": TENCH, "second": SHARK}.items()
    }
    found = open_source(tars(tmp_path / "x", spread))
    assert labels(found) == (LabelKind.WORDNET_IDS, [TENCH, TENCH, SHARK, SHARK])
    assert open_source(tmp_path / "x" / "first.tar").names == (f"{TENCH}/images/1.jpg", f"{TENCH}/images/2.jpg")


def test_training_tars_in_several_tar_files(tmp_path: Path) -> None:
    inner = {each: {f"{each}.tar": tar_bytes({f"{each}_1.JPEG": jpeg(PLACES[each])})} for each in PLACES}
    found = open_source(tars(tmp_path / "x", {f"train_{place}": each for place, each in enumerate(inner.values())}))
    assert labels(found) == (LabelKind.WORDNET_IDS, [*PLACES])


def test_shards_without_labels_stay_without(tmp_path: Path) -> None:
    tars(tmp_path / "x", {f"0000{n}": {f"{n}{place}.jpg": jpeg(place) for place in (1, 2)} for n in (0, 1)})
    found = open_source(tmp_path / "x" / "*.tar")
    assert (len(found), found.labels) == (4, None)
    tars(tmp_path / "y", {"00000": {"01.jpg": jpeg(5)}})
    assert len(set(open_source(tmp_path / "*" / "00000.tar").names)) == 3


def test_tar_files_of_one_name_in_several_folders_are_shards(tmp_path: Path) -> None:
    """As classes, all but one of each name would be lost."""
    for folder in ("a", "b"):
        tars(tmp_path / "x" / folder, {"cat": {"1.jpg": jpeg(1)}, "dog": {"2.jpg": jpeg(2)}})
        tars(tmp_path / "y" / folder, {"images": {"1.jpg": jpeg(1), "2.jpg": jpeg(2)}})
    for pattern in ("x/*/*.tar", "y/*/images.tar"):
        found = open_source(tmp_path / pattern)
        assert (len(set(found.names)), found.labels) == (4, None)


def test_notes_beside_images_do_not_hide_their_folders(tmp_path: Path) -> None:
    files = {"hat/1.jpg": jpeg(1), "hat/1.json": b'{"caption": "x"}', "boot/2.jpg": jpeg(2), "__none__/3.jpg": jpeg(3)}
    found = open_source(write_tar(tmp_path / "x.tar", files))
    assert labels(found) == (LabelKind.FOLDERS, ["__none__", "boot", "hat"])
    found = open_source(
        write_tar(tmp_path / "y.tar", {"hat/1.jpg": jpeg(1), "boot/2.jpg": jpeg(2), "list.json": b"{}"})
    )
    assert found.passed_over == {"no image": 1}


def test_a_class_called_as_webdatasets_own_files_is_read_as_others(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "x", {"__a__/1": jpeg(1), "__a__/2.heic": b"", "hat/1.jpg": jpeg(2)})
    (folder / "__empty__").mkdir()
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(folder, ".")
    for source in (folder, tmp_path / "x.tar"):
        found = open_source(source)
        assert labels(found) == (LabelKind.FOLDERS, ["__a__", "hat"])
        assert found.labels is not None
        assert found.labels.classes == ("__a__", "__empty__", "hat")
        assert found.passed_over == {"HEIC": 1}


def test_imagenet_v2_as_a_tar_and_unpacked(tmp_path: Path) -> None:
    files = {f"{place}/{number}.jpeg": jpeg(place) for place in (0, 2, 65) for number in (1, 2)}
    root = "imagenetv2-matched-frequency-format-val"
    packed = write_tar(
        tmp_path / "v2.tar.gz", {f"./{root}/{name}": each for name, each in files.items()}
    )  # a plain tar
    for source in (packed, write_files(tmp_path / root, files)):
        found = open_source(source)
        assert labels(found) == (LabelKind.FOLDERS, ["0", "0", "2", "2", "65", "65"])
        assert found.names == tuple(files)
    compressed = write_tar(tmp_path / "imagenetv2.tar.gz", files, "w:gz")
    with pytest.raises(
        DataError, match=r"compressed \(gzip\).*mkdir imagenetv2 && tar -xf .*imagenetv2.tar.gz -C imag"
    ):
        open_source(compressed)
    spaced = compressed.rename(tmp_path / "my set.tar.gz")
    with pytest.raises(DataError, match=r"mkdir 'my set' && tar -xf '.*/my set\.tar\.gz' -C 'my set'$"):
        open_source(spaced)


def test_a_list_chooses_images(tmp_path: Path) -> None:
    write_devkit(tmp_path / "ILSVRC2012_devkit_t12", TRUTH)
    (tmp_path / "list.txt").write_text(f"{validation_name(3)}\n{validation_name(2)} 65\n")
    found = open_source(write_tar(tmp_path / "val.tar", VALIDATION), only=tmp_path / "list.txt")
    assert found.names == (validation_name(2), validation_name(3))
    assert labels(found) == (LabelKind.WORDNET_IDS, [SNAKE, SHARK])
    (tmp_path / "val.txt").write_text(TABLE)
    found = open_source(tmp_path / "val.tar", only=tmp_path / "list.txt", labels=tmp_path / "val.txt")
    assert labels(found) == (LabelKind.WORDNET_IDS, [SNAKE, SHARK])


def test_a_picture_is_the_same_wherever_it_lies(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "val.tar", {"a/1.jpg": jpeg(300, 40), "b/1.png": png()})
    expected = [np.asarray(Image.open(io.BytesIO(each)).convert("RGB")) for each in (jpeg(300, 40), png())]
    found = [np.asarray(image_at(each)) for each in open_source(path).images]
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_sources_of_labels_that_disagree_are_named(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "train", TRAINING)
    (tmp_path / "t.txt").write_text("".join(f"{name} {name.split('/')[0]}\n" for name in TRAINING))
    assert labels(open_source(folder, labels=tmp_path / "t.txt"))[1][0] == TENCH
    names = [*TRAINING]
    (tmp_path / "t.txt").write_text("".join(f"{name} {TENCH if name == names[-1] else name[:9]}\n" for name in names))
    with pytest.raises(DataError, match=rf"{SNAKE}_2.JPEG is '{SNAKE}' by its class folders and '{TENCH}' by .*t.txt"):
        open_source(folder, labels=tmp_path / "t.txt")
    numbers = {TENCH: 3, SHARK: 4, SNAKE: 4}
    (tmp_path / "t.txt").write_text("".join(f"{name} {numbers[name[:9]]}\n" for name in names))
    with pytest.raises(DataError, match="do not tell the images apart in the same way"):
        open_source(folder, labels=tmp_path / "t.txt")
    val = write_files(tmp_path / "val", VALIDATION)
    (tmp_path / "t.txt").write_text(TABLE)
    kit = write_files(tmp_path / "kit", devkit_files(TRUTH | {2: IDS[TENCH]}))
    with pytest.raises(DataError, match=rf"00000002.JPEG is '{TENCH}' by .*kit and '{SNAKE}' by .*t.txt"):
        open_source(val, labels=tmp_path / "t.txt", devkit=kit)

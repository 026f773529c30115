"""Tables and lists: every form that people have, and what contradicts itself or the images."""

from pathlib import Path

import pytest

from levit_edge.data.imagenet import synsets
from levit_edge.data.sources.found import LabelKind
from levit_edge.data.sources.names import Names, read_only
from levit_edge.data.sources.table import read_table
from levit_edge.errors import DataError
from tests.data.sources.made_up import validation_name

NAMES = ["a.jpg", "sub/b c.PNG", "d.jpeg"]


def table(folder: Path, text: str) -> Path:
    path = folder / "table.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg 3\nsub/b c.PNG 0\nd.jpeg 12\n",
        "a.jpg,3\nsub/b c.PNG,0\nd.jpeg,12\n",
        "a.jpg\t3\nsub/b c.PNG\t0\nd.jpeg\t12\n",
        "\ufeffimage;label\r\na.jpg;3\r\n\r\nsub/b c.PNG;0\r\nd.jpeg;12\r\n",
        "class_id,File Name,width\n3,a.jpg,9\n0,sub/b c.PNG,9\n12,d.jpeg,9\n",
        '"a.jpg", "3"\n"./val/sub/b c.PNG", "0"\n"d", "012"\n',
        "d.jpeg 12\nb c.PNG 0\na.jpg   3",
    ],
)
def test_files_and_classes_are_found_in_every_form(tmp_path: Path, text: str) -> None:
    labels = read_table(table(tmp_path, text)).labels(NAMES, "photos", complete=True)
    assert labels.of_images == ("3", "0", "12")
    assert labels.kind is LabelKind.INDICES


def test_class_names_keep_spaces_and_commas(tmp_path: Path) -> None:
    text = "a.jpg great white shark, white shark\nsub/b c.PNG tench\nd.jpeg tench\n"
    labels = read_table(table(tmp_path, text)).labels(NAMES, "photos", complete=True)
    assert labels.of_images == ("great white shark, white shark", "tench", "tench")
    assert labels.kind is LabelKind.NAMES


def test_caffes_numbers_are_places_in_the_order_of_wordnet_ids(tmp_path: Path) -> None:
    names = [validation_name(1), validation_name(2)]
    path = table(tmp_path, f"{names[0]} 65\n{names[1]} 970\n")
    labels = read_table(path).labels(names, "val", complete=True)
    assert labels.of_images == (synsets()[65], synsets()[970]) == ("n01751748", "n09193705")
    assert labels.kind is LabelKind.WORDNET_IDS
    path = table(tmp_path, f"{names[0]} 65\n{names[1]} 1000\n")
    with pytest.raises(DataError, match=r"00000002.JPEG has the class 1000, expected 0 to 999.*use --devkit"):
        read_table(path).labels(names, "val", complete=True)


def test_kaggles_boxes_are_a_class(tmp_path: Path) -> None:
    text = "ImageId,PredictionString\nILSVRC2012_val_00000001,n01751748 1 2 3 4 n01751748 5 6 7 8 \n"
    labels = read_table(table(tmp_path, text)).labels([validation_name(1)], "val", complete=True)
    assert labels.of_images == ("n01751748",)
    with pytest.raises(DataError, match=r"line 2 has objects of 2 classes: n01440764, n01751748"):
        read_table(table(tmp_path, text.replace("n01751748 5", "n01440764 5")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty; expected a file and its class"),
        ("a.jpg\n", r"its first line has 1 column \(a.jpg\)"),
        ("a.jpg,1,2\n", "its first line has 3 columns"),
        ("a.jpg,1\nd.jpeg,\n", "line 2 has no file or no class"),
        ("a.jpg,1\nd.jpeg\n", "line 2 has no file or no class"),
        ('a.jpg,"' + "x" * 200_000, "line 1: field larger than"),
        ("a.jpg 1\nsub/b c.PNG 2\nd.jpeg 3\na.jpg 1\n", "line 1 and line 4 are both about a.jpg"),
        ("a.jpg 1\nsub/b c.PNG 2\nd.jpeg 3\ne.jpg 1\n", r"has 4 images, but 1 of them is not in photos: e.jpg"),
        ("a.jpg 1\nd.jpeg 3\n", r"photos has 3 images, but 1 of them is not in .*table.txt: sub/b c.PNG"),
        ("other/a.jpg 1\nx.jpg 2\n", "but 2 of them are not in photos"),
        ("a.jpg n01440764\nsub/b c.PNG n01440764\nd.jpeg tench\n", r"has the class 'tench', unlike 2 other lines"),
        ("a.jpg 1\nsub/b c.PNG 1\nd.jpeg -1\n", r"line 3 has the class '-1', unlike 2 other lines with indices"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    names = ["photos/a.jpg", *NAMES[1:]] if text.startswith("other") else NAMES
    with pytest.raises(DataError, match=message):
        read_table(table(tmp_path, text)).labels(names, "photos", complete=True)


def test_a_table_of_more_images_will_do_where_it_may_be_longer(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, "a.jpg 1\nx.jpg 2\n"))
    assert found.labels(["a.jpg"], "photos", complete=False).of_images == ("1",)
    with pytest.raises(DataError, match="2 of them are not in photos"):
        found.labels(["b.jpg"], "photos", complete=False)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataError, match="not text in UTF-8"):
        read_table(tmp_path / "binary")
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "absent")
    truth = tmp_path / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("490\n361\n")
    with pytest.raises(DataError, match="use --devkit"):
        read_table(truth)


def test_lists_choose_images_in_the_images_order(tmp_path: Path) -> None:
    path = table(tmp_path, "d.jpeg\n\nb c.PNG\n")
    assert read_only(path, NAMES, "photos") == [1, 2]
    assert read_only(table(tmp_path, "d.jpeg 65\na.jpg 3\n"), NAMES, "photos") == [0, 2]
    with pytest.raises(DataError, match=r"lists 2 images, but 1 of them is not in photos: e.jpg"):
        read_only(table(tmp_path, "a.jpg\ne.jpg\n"), NAMES, "photos")
    spaced = "sub/b c.PNG,65\na.jpg 3\n"
    assert read_only(table(tmp_path, spaced), NAMES, "photos") == [0, 1]
    with pytest.raises(DataError, match=r"1 of them is not in photos: e f.jpg"):
        read_only(table(tmp_path, "a.jpg\ne f.jpg\n"), NAMES, "photos")
    with pytest.raises(DataError, match=r"1 of them may be any of several images of photos: 1.jpg"):
        read_only(table(tmp_path, "1.jpg\n"), ["a/1.jpg", "b/1.jpg"], "photos")
    with pytest.raises(DataError, match="line 1 and line 2 are both about a"):
        read_only(table(tmp_path, "a.jpg\n./a.jpg\n"), NAMES, "photos")
    with pytest.raises(DataError, match="there are no names in it"):
        read_only(table(tmp_path, "\n"), NAMES, "photos")


def test_names_of_other_folders_are_others() -> None:
    known = Names(["val/0/1.jpg", "val/1/1.jpg", "val/1/2.jpg", "val/1/2.png"])
    assert known.place("0/1.jpg") == 0
    assert known.place("x/val/1/1") == 1
    assert known.place("train/1/2.jpg") is None
    assert known.place("1.jpg") is None  # there are two
    assert known.place("2.PNG") == 3
    assert known.place("2") is None

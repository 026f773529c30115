"""`--classes`: every form that people have such tables in, and those that are refused."""

import json
from pathlib import Path

import pytest

from levit_edge.data.class_table import read_class_table
from levit_edge.errors import DataError


def written(folder: Path, text: str, name: str = "classes.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("dress\nhat\n", ("dress", "hat")),
        ("\ufeffdress\r\n\r\nhat", ("dress", "hat")),
        ("tench, Tinca tinca\ngoldfish, Carassius auratus\n", ("tench, Tinca tinca", "goldfish, Carassius auratus")),
        ("Boeing 737\nBoeing 747\n", ("Boeing 737", "Boeing 747")),
    ],
)
def test_a_name_a_line(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    table = read_class_table(written(tmp_path, text))
    assert (table.names, table.index) == (names, None)


@pytest.mark.parametrize(
    "text",
    [
        "hat,1\ndress,0\n",
        "hat\t1\ndress\t0\n",
        "hat ; 1\ndress ; 0",
        "folder,index\nhat,1\ndress,0\n",
        '"hat",1\n"dress",0',
    ],
)
def test_labels_with_indices(tmp_path: Path, text: str) -> None:
    table = read_class_table(written(tmp_path, text))
    assert table.names is None
    assert table.index == {"hat": 1, "dress": 0}


@pytest.mark.parametrize(
    "text",
    [
        "1,hat\n0,evening dress\n",
        "index;name\n1;hat\n0;evening dress\n",
        "1: hat\n0: evening dress\n",
        "1 hat\n0 evening dress",
    ],
)
def test_indices_in_front_of_names_put_these_in_order(tmp_path: Path, text: str) -> None:
    assert read_class_table(written(tmp_path, text)).names == ("evening dress", "hat")


def test_numbers_that_are_no_indices_belong_to_the_names(tmp_path: Path) -> None:
    assert read_class_table(written(tmp_path, "2 wheeler\n3 wheeler\n")).names == ("2 wheeler", "3 wheeler")


@pytest.mark.parametrize(
    ("content", "names", "index"),
    [
        (["dress", "hat"], ("dress", "hat"), None),
        ({"hat": 1, "dress": 0}, None, {"hat": 1, "dress": 0}),
        ({"1": "hat", "0": "dress"}, ("dress", "hat"), None),
        ({"0": "crane", "1": "crane"}, ("crane", "crane"), None),
    ],
)
@pytest.mark.parametrize("name", ["class_to_idx.json", "classes.txt"])
def test_json(
    tmp_path: Path, content: object, names: tuple[str, ...] | None, index: dict[str, int] | None, name: str
) -> None:
    table = read_class_table(written(tmp_path, json.dumps(content), name))
    assert (table.names, table.index) == (names, index)


WORDNET_IDS, KERAS_NAMES = ("n01440764", "n03126707"), ("tench", "crane")
KERAS = json.dumps({"0": ["n01440764", "tench"], "1": ["n03126707", "crane"]})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (KERAS, KERAS_NAMES),
        ("n01440764 tench, Tinca tinca\nn03126707 crane\n", ("tench, Tinca tinca", "crane")),
        ("n01440764\ttench\nn03126707\tcrane", KERAS_NAMES),
        ('wordnet_id,names\nn01440764,"tench, Tinca tinca"\nn03126707,crane\n', ("tench, Tinca tinca", "crane")),
        ("1,n03126707,crane\n0,n01440764,tench\n", KERAS_NAMES),
        ("n03126707 1 crane\nn01440764 0 tench\n", KERAS_NAMES),
    ],
)
@pytest.mark.parametrize("name", ["LOC_synset_mapping.txt", "classes"])
def test_wordnet_ids_beside_names(tmp_path: Path, text: str, names: tuple[str, ...], name: str) -> None:
    """Keras's, Kaggle's and Caffe's tables are recognised by what is in them."""
    table = read_class_table(written(tmp_path, text, name))
    assert (table.names, table.wordnet_ids, table.index) == (names, WORDNET_IDS, None)


def test_wordnet_ids_with_indices_alone(tmp_path: Path) -> None:
    table = read_class_table(written(tmp_path, "n01440764 1\nn03126707 0\n"))
    assert table.index == {"n01440764": 1, "n03126707": 0}


def test_a_python_dict_of_names(tmp_path: Path) -> None:
    text = "{0: 'tench, Tinca tinca',\n 1: \"jack-o'-lantern\",\n 2: 'carpenter\\'s kit, tool kit'}\n"
    names = ("tench, Tinca tinca", "jack-o'-lantern", "carpenter's kit, tool kit")
    assert read_class_table(written(tmp_path, text)).names == names


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("map_clsloc.txt", "n02119789 1 kit_fox\nn02100735 2 English_setter\n", "n02119789 1 kit_fox', but they are n"),
        ("a.txt", "n01440764 tench\nn01440764 tench\n", "n01440764 stands in it 2 times"),
        ("a.json", '{"0": ["tench", "n01440764"]}', "expected a JSON list"),
        ("a.txt", "", "no classes in it"),
        ("a.txt", "hat,1\nhat,2\n", "'hat' stands in it twice, as 1 and as 2"),
        ("a.txt", "hat,1\ndress,1\n", "hat, dress have the same index, 1"),
        ("a.txt", "hat,1\ndress,0\nshirt\n", "most lines are a label and an index, but not shirt"),
        ("a.json", "[", "not JSON"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.json", '{"hat": 1, "hat": 2}', "'hat' stands in it twice"),
        ("a.json", '{"0": "hat", "2": "dress"}', "expected a JSON list"),
        ("a.json", '{"hat": true}', "expected a JSON list"),
        ("a.json", f'{{"{"1" * 5000}": "hat"}}', "expected a JSON list"),
        ("a.json", "[1, 2]", "expected a JSON list"),
        ("a.json", "3", "expected a JSON list"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read_class_table(written(tmp_path, text, name))


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_bytes(b"a\n" * (3 << 20))
    for name, complaint in {"none": "does not exist", "binary": "UTF-8", "large": "more than 4 MiB"}.items():
        with pytest.raises(DataError, match=complaint):
            read_class_table(tmp_path / name)

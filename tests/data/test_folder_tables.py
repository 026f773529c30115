"""The tables by which pages read folders; web_demo/tests/classes.test.js sees that pages pair by them."""

import pytest

from levit_edge.data import imagenet
from levit_edge.data.classes import ModelClasses
from levit_edge.data.folder_tables import FileTable, PairingTable
from levit_edge.device.file_kinds import unread_kind


def table(outputs: int, *names: str) -> PairingTable:
    return PairingTable.of(ModelClasses.of(outputs, names or None, None))


def test_a_name_stands_as_it_is_in_normal_form_and_by_its_parts() -> None:
    found = table(3, "Sea_Lion", "tench, Tinca tinca", "Sea_Lion")
    assert found.names == {"Sea_Lion": [0, 2], "tench, Tinca tinca": [1]}
    assert found.forms == {"sea lion": [0, 2], "tench, tinca tinca": [1]}
    assert found.parts == {"sea lion": [0, 2], "tench": [1], "tinca tinca": [1]}
    assert (found.named, found.imagenets) == (True, False)
    assert list(found.forms) == sorted(found.forms)


def test_ids_that_a_model_lacks_are_known_as_such() -> None:
    ids = table(2, "goldfish", "hat").wordnet_ids
    assert ids.keys() == set(imagenet.synsets())
    assert [synset for synset, places in ids.items() if places] == ["n01443537"]


@pytest.mark.parametrize("names", [(), imagenet.class_names()])
def test_imagenets_ids_are_its_outputs(names: tuple[str, ...]) -> None:
    found = table(1000, *names)
    assert found.imagenets
    assert list(found.wordnet_ids.values()) == [[place] for place in range(1000)]


@pytest.mark.parametrize("names", [(), ("class 0", "class 1")])
def test_of_a_model_without_names_nothing_is_looked_up(names: tuple[str, ...]) -> None:
    found = table(2, *names)
    assert not found.named
    assert [*found.wordnet_ids, *found.names, *found.forms, *found.parts] == []


def test_endings_are_those_of_python() -> None:
    files = FileTable.of_levit_edge()
    assert "AVIF" in files.read
    for ending, kind in files.endings.items():
        if kind != "AVIF":  # which the Pillow here may lack
            assert unread_kind(f"a.{ending}", None) == (None if kind in files.read else kind)

import csv
from pathlib import Path

from levit_edge.data.imagenet import class_names, readable, synsets


def test_the_classes_are_those_of_the_reference(shared: Path) -> None:
    with (shared / "golden" / "imagenet_classes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert synsets() == tuple(row["wordnet_id"] for row in rows)
    assert class_names() == tuple(row["names"].split(",")[0] for row in rows)


def test_there_are_a_thousand_in_order() -> None:
    assert len(synsets()) == len(class_names()) == 1000
    assert list(synsets()) == sorted(set(synsets()))
    assert (synsets()[0], class_names()[0]) == ("n01440764", "tench")
    assert class_names()[701] == "parachute"


def test_folder_names_become_readable() -> None:
    assert readable(("n01440764", "my cats")) == ("tench", "my cats")

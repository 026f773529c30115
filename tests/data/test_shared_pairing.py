"""The cases of folders and pairing that the web demo's JavaScript is tested on too: web_demo/tests/classes.test.js."""

import json
from pathlib import Path
from typing import Any

import pytest

from levit_edge.data.classes import ModelClasses
from levit_edge.data.imagefolder import arrange
from levit_edge.data.pairing import pair_classes
from levit_edge.errors import DataError
from scripts.golden_vectors import stated_names

CASES, FOLDERS = (
    json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8")) for name in ("pairing.json", "folders.json")
)


def numbers(stated: Any) -> Any:
    """The list, or the numbers of which only the first and the last are stated, with so many digits at least."""
    if isinstance(stated, list):
        return stated
    first, last = stated["numbers"]
    return [str(number).zfill(stated["digits"]) for number in range(first, last + 1)]


@pytest.mark.parametrize("case", CASES, ids=[f"{place}" for place in range(len(CASES))])
def test_a_shared_case(case: dict[str, Any]) -> None:
    model = ModelClasses.of(case["outputs"], stated_names(case["names"]), None)
    labels, empty = numbers(case["labels"]), case.get("empty", ())
    if "refused" in case:
        with pytest.raises(DataError, match=case["refused"]):
            pair_classes("val", labels, model, empty=empty)
        return
    pairing = pair_classes("val", labels, model, empty=empty)
    assert pairing.rule == case["rule"]
    assert [pairing.index[label] for label in labels] == [int(place) for place in numbers(case["index"])]


@pytest.mark.parametrize("case", FOLDERS, ids=[f"{place}" for place in range(len(FOLDERS))])
def test_a_shared_folder(case: dict[str, Any]) -> None:
    """Each file with how it begins, in Latin-1; a path with a slash at its end is a folder without files."""
    heads = {path: head.encode("latin1") for path, head in case["files"].items() if not path.endswith("/")}
    folders = {path.partition("/")[0] for path in case["files"] if "/" in path}
    if "refused" in case:
        with pytest.raises(DataError, match=case["refused"]):
            arrange("val", heads, folders, head=heads.__getitem__)
        return
    found = arrange("val", heads, folders, head=heads.__getitem__)
    assert list(found.images) == case["images"]
    assert (None if found.folders is None else list(found.folders)) == case["folders"]
    assert found.passed_over == case["passed_over"]

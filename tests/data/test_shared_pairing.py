"""The cases of pairing that the web demo's JavaScript is tested on too: web_demo/tests/classes.test.js."""

import json
from pathlib import Path
from typing import Any

import pytest

from levit_edge.data import imagenet
from levit_edge.data.classes import ModelClasses
from levit_edge.data.pairing import pair_classes
from levit_edge.errors import DataError

CASES = json.loads(Path(__file__).with_name("pairing.json").read_text(encoding="utf-8"))
SHORTHAND = {
    "names": imagenet.class_names(),
    "synsets": imagenet.synsets(),
    "reversed": imagenet.class_names()[::-1],
    None: None,
}
"""For models with ImageNet's number of outputs."""


@pytest.mark.parametrize("case", CASES, ids=[f"{place}" for place in range(len(CASES))])
def test_a_shared_case(case: dict[str, Any]) -> None:
    names = SHORTHAND[case["names"]["imagenet"]] if isinstance(case["names"], dict) else case["names"]
    model = ModelClasses.of(case["outputs"], names, None)
    if "refused" in case:
        with pytest.raises(DataError, match=case["refused"]):
            pair_classes("val", case["labels"], model)
        return
    pairing = pair_classes("val", case["labels"], model)
    assert pairing.rule == case["rule"]
    assert [pairing.index[label] for label in case["labels"]] == case["index"]

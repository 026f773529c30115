"""A small campaign for every reader; the large ones, and what they found, are in docs/fuzzing.md."""

from pathlib import Path
from typing import Any

import pytest

from fuzz.campaign import run
from fuzz.readers import READERS

INPUTS = 24


@pytest.mark.release
@pytest.mark.parametrize("reader", READERS)
def test_hostile_input_is_refused(reader: str, demo_bundle: tuple[Path, dict[str, Any]]) -> None:
    outcome = run(demo_bundle[0], reader, INPUTS, seed=2026)
    assert outcome.findings == []
    assert outcome.accepted + sum(outcome.refused.values()) + sum(outcome.contained.values()) == INPUTS

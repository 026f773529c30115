"""A few of the runs of `python -m tests.faults`, whose record is in docs/faults.md."""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.__main__ import REPOSITORY, run_all, summarise
from tests.faults.moments import ENDINGS
from tests.faults.scenarios import SCENARIOS, Verify

pytestmark = pytest.mark.release
RUNS = 4


@pytest.mark.parametrize("command", ["package", "verify"])
def test_a_command_that_is_ended_leaves_the_old_or_the_new(
    command: str, demo_bundle: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`quantize` takes long, and is interrupted in tests/integration/test_interruption.py."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setattr(Verify, "images", 200)
    outcomes = run_all(SCENARIOS[command](), tmp_path, ENDINGS, RUNS, seed=5, bundle=demo_bundle[0])
    assert [outcome for outcome in outcomes if outcome.wrong] == []
    assert summarise(outcomes)["runs"] >= RUNS

from pathlib import Path

import pytest

from levit_edge.doctor.weights import check_weights
from levit_edge.model.config import CONFIGS


def test_weights_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    check = check_weights()
    assert (check.status, check.found) == ("missing", f"none in {tmp_path}")
    weights = CONFIGS["192"].weights
    assert weights
    (tmp_path / weights.file_name).touch()
    check = check_weights()
    assert (check.status, check.found, check.advice) == ("ok", f"192 in {tmp_path}", "")

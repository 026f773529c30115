"""Pretended boards."""

import os
from pathlib import Path

import pytest

from tests.runtime.board.fake_phone import FakePhone


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePhone:
    """A pretended phone, which the `adb` in PATH knows."""
    folder = tmp_path / "phone"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.delenv("TMPDIR", raising=False)
    return FakePhone(folder)

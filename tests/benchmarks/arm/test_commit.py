"""Which commit the measured code is of."""

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.arm.commit import commit


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "somebody@example.org")
    for folder in ("code", "docs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("1")
    git(tmp_path, "init", "--quiet")
    keep(tmp_path)
    return tmp_path


def git(clone: Path, *command: str) -> str:
    return subprocess.run(["git", *command], cwd=clone, check=True, capture_output=True, text=True).stdout.strip()


def keep(clone: Path) -> str:
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "change")
    return git(clone, "log", "-1", "--format=%h")


def test_it_is_the_last_that_changed_the_code(clone: Path) -> None:
    (clone / "code" / "file").write_text("2")
    changed = keep(clone)
    (clone / "docs" / "file").write_text("2")
    assert keep(clone) != changed
    assert commit(clone / "code") == changed
    (clone / "code" / "new").write_text("1")
    assert commit(clone / "code") == f"{changed}+"


def test_outside_of_a_clone_it_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.fspath(tmp_path.parent))
    assert commit(tmp_path) == ""
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) == ""

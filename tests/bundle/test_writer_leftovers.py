"""What killed runs leave behind, and what only looks like it."""

from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle

OLD = "2026-01-01T00:00:00+00:00"


def names(folder: Path) -> list[str]:
    """Everything in `folder`, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def test_leftovers_of_killed_runs_are_removed(bundle_path: Path) -> None:
    for kind in ("partial", "replaced"):
        (bundle_path.parent / f".bundle.{kind}-1-0123abcd" / "inside").mkdir(parents=True)
    (bundle_path.parent / ".bundle.lock").write_text("1\n")
    with new_bundle(bundle_path):
        assert len(names(bundle_path.parent)) == 3  # the bundle, what is being written, and the lock
    assert names(bundle_path.parent) == ["bundle"]
    assert Bundle.open(bundle_path).manifest.created_utc == OLD


def test_a_bundle_that_had_stepped_aside_comes_back(bundle_path: Path) -> None:
    """A run was killed between the two renames."""
    bundle_path.rename(bundle_path.parent / ".bundle.replaced-7-0123abcd")
    (bundle_path.parent / ".bundle.partial-7-0123abcd").mkdir()
    with new_bundle(bundle_path):
        assert Bundle.open(bundle_path).manifest.created_utc == OLD
    assert names(bundle_path.parent) == ["bundle"]


@pytest.mark.parametrize(
    "name",
    [
        ".bundle.partial-of-mine",
        ".bundle.replaced-by-99999999-me",
        ".bundle.partial-99999999999999999999-0123abcd",
        ".bundle2.partial-99999999-0123abcd",
        "bundle.partial-99999999-0123abcd",
    ],
)
def test_folders_of_others_are_left_alone(bundle_path: Path, name: str) -> None:
    (bundle_path.parent / name).mkdir()
    with new_bundle(bundle_path):
        pass
    assert names(bundle_path.parent) == sorted(["bundle", name])


def test_names_with_pattern_letters_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / ".[ab]*.partial-7-0123abcd").mkdir()
    (tmp_path / ".abc.partial-7-0123abcd").mkdir()
    with new_bundle(tmp_path / "[ab]*"):
        pass
    assert names(tmp_path) == [".abc.partial-7-0123abcd"]

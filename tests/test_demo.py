from collections.abc import Callable
from pathlib import Path

import pytest

from levit_edge import demo
from levit_edge.errors import DataError

PLACES = {
    "levit-demo.safetensors": demo.checkpoint_path,
    "calibration": demo.calibration_dir,
    "evaluation": demo.evaluation_dir,
}


@pytest.mark.parametrize(("name", "place"), PLACES.items())
def test_paths_are_real(name: str, place: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    (tmp_path / name).mkdir()
    assert place() == tmp_path / name


@pytest.mark.parametrize(("name", "place"), PLACES.items())
def test_missing_files_are_named(
    name: str, place: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=f"{name} is missing"):
        place()


def test_the_files_lie_in_the_package() -> None:
    assert (demo.FOLDER / "LICENSE").is_file()

from pathlib import Path

import pytest

from levit_edge.errors import OutputError
from levit_edge.whole_file import require_writable, write_whole


def test_paths_that_cannot_be_written_are_refused_first(tmp_path: Path) -> None:
    require_writable(tmp_path / "new.png", "--plot")
    with pytest.raises(OutputError, match="is not a folder"):
        require_writable(tmp_path / "nowhere" / "new.png", "--plot")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=r"is not a file\. Choose another --output"):
        require_writable(tmp_path / "folder.png", "--output")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    for data in (b"first", b"second"):
        write_whole(path, data, "--output")
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_fails_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.html").write_bytes(b"older")

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"a\.html cannot be written: No space left.*another --output"):
        write_whole(tmp_path / "a.html", b"newer", "--output")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]

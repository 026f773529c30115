import hashlib
import os
from pathlib import Path

import pytest

from levit_edge.data.image_tables import ImageTables, TableFile
from levit_edge.data.options import ImageOptions
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError


def test_a_table_is_recorded_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "classes.csv").write_bytes(b"cat,0\n")
    options = ImageOptions(classes=tmp_path / "classes.csv", devkit=tmp_path)
    tables = ImageTables.of(options)
    assert tables is not None
    expected = TableFile(path=str(tmp_path / "classes.csv"), sha256=hashlib.sha256(b"cat,0\n").hexdigest())
    assert tables.named() == {"classes": expected, "devkit": TableFile(path=str(tmp_path), sha256=None)}
    assert tables.given(ImageOptions()) == options
    assert from_json(ImageTables, to_json(tables), DataError, "it") == tables
    assert ImageTables.of(ImageOptions()) is None


def test_a_pipe_is_not_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert TableFile.of(tmp_path / "pipe").sha256 is None


def test_a_hash_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="64 hexadecimal digits"):
        from_json(TableFile, {"path": "x", "sha256": "<script>"}, DataError, "it")

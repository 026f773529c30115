from pathlib import Path

from benchmarks.indexing import index, write_set
from levit_edge.data.imagenet import synsets
from levit_edge.data.sources.open import open_source


def test_the_set_is_read_with_its_table(tmp_path: Path) -> None:
    tar, table = write_set(tmp_path, 3)
    assert index(tar, table).startswith("3 images: ")
    found = open_source(tar, labels=table)
    assert found.labels is not None
    assert found.labels.of_images == synsets()[:3]

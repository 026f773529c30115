"""The demo's evaluation photographs as WebDataset tar shards."""

from pathlib import Path

from levit_edge import demo
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.locations import read_bytes

__all__ = ["write_shards"]


def write_shards(folder: Path, shards: int) -> str:
    """Write them with the webdataset library, in their order; returns the brace pattern that names them."""
    from webdataset import TarWriter

    images = evaluation_images(demo.evaluation_dir(), ModelClasses(outputs=10))
    assert images.labels is not None
    folder.mkdir(parents=True, exist_ok=True)
    each = -(-len(images) // shards)
    for shard in range(shards):
        with TarWriter(str(folder / f"val-{shard:03}.tar")) as tar:
            for place in range(shard * each, min(len(images), (shard + 1) * each)):
                key, _, ending = images.relative_paths[place].rpartition(".")
                content = read_bytes(images.images[place])
                tar.write({"__key__": key, ending: content, "cls": str(images.labels[place]).encode()})
    return str(folder / f"val-{{000..{shards - 1:03}}}.tar")

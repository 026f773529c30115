"""A public set that a local server gives, in the place of a named one."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from levit_edge.data.named_sets import NAMED_SETS, NamedSet, Use
from levit_edge.system.host import CACHE_VARIABLE
from tests.data.sources.made_up import tar_bytes

__all__ = ["serve_imagenette"]


def serve_imagenette(
    files: dict[str, bytes], folder: str, web: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> NamedSet:
    """Let `imagenette` be a tar file of `files`, whose images are in `folder`, with an empty cache at `cache`."""
    content = tar_bytes(files, "w:gz")
    web.files["/set.tgz"] = content
    served = replace(
        NAMED_SETS["imagenette"],
        url=f"{web.url}set.tgz",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        folders=dict.fromkeys(Use, folder),
    )
    monkeypatch.setitem(NAMED_SETS, "imagenette", served)
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    return served

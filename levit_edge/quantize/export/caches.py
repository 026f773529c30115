"""What torch and ExecuTorch keep of every program that was exported: for good, unless somebody clears it."""

import sys
from typing import Any

from torch._subclasses.fake_tensor import FakeTensorMode

__all__ = ["forget_programs"]

CACHED = (("executorch.exir.backend.utils", "is_same_node"),)
"""(module, function): who has not imported it, which takes seconds, has nothing there."""


def forget_programs() -> None:
    """Drop the caches that hold on to exported programs, and with them to their weights and to finished files.

    Found with executorch 1.4.1 and torch 2.13: three ExecuTorch files of a LeViT-128S left 270 MiB behind. The first
    cache has the delegates among its keys, the second the nodes of graphs. Neither changes what is computed.
    """
    FakeTensorMode.cache_clear()
    for module, name in CACHED:
        cached: Any = getattr(sys.modules.get(module), name, None)
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()

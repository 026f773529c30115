"""Names for checkpoints: short, each its own, and fit to be a folder's."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

__all__ = ["distinct_names"]

LONGEST = 60
ENDING = re.compile(r"(\.pth|\.pt|\.bin|\.safetensors|\.ckpt|\.tar)+$", re.IGNORECASE)


def distinct_names(paths: Sequence[str]) -> list[str]:
    """For each path or URL its last part without endings of weights; where that is not enough, with its folder's name.

    What is still the same is numbered.
    """
    short = [_plain(ENDING.sub("", PurePosixPath(path).name)) for path in paths]
    twice = Counter(short)
    names = [
        name if twice[name] == 1 else _plain(f"{PurePosixPath(path).parent.name}-{name}")
        for name, path in zip(short, paths, strict=True)
    ]
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return numbered


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")[:LONGEST] or "checkpoint"

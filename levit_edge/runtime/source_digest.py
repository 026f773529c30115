"""Which levit-edge this is: its version says less where it is being worked on."""

import hashlib
from pathlib import Path

import levit_edge

__all__ = ["source_digest"]


def source_digest() -> str:
    """SHA-256, in hex, of levit-edge's own Python files."""
    sources = sorted(Path(levit_edge.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sources)).hexdigest()

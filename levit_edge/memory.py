"""How want of memory shows."""

from levit_edge.errors import MemoryShortageError

__all__ = ["ran_out_of_memory"]

SAID = ("can't allocate memory", "bad_alloc", "Failed to allocate memory", "cannot allocate memory")
"""In what torch and ONNX Runtime raise in MemoryError's place, and the system's loader."""


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says so."""
    return isinstance(error, MemoryError | MemoryShortageError) or any(words in str(error) for words in SAID)

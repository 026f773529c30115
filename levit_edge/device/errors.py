"""The errors that a board can meet too, and the exit statuses; the whole tree is in `levit_edge.errors`."""

from enum import IntEnum

MEMORY_ADVICE = "end other programs, or take fewer --workers. `levit-edge doctor` says what is free."


class ExitStatus(IntEnum):
    """The process exit statuses of the `levit-edge` command."""

    DONE = 0
    USAGE = 2
    BAD_INPUT = 3
    GATE_FAILED = 4
    HUNG_UP = 129
    """The terminal was closed (SIGHUP)."""
    INTERRUPTED = 130
    """Ctrl-C (SIGINT)."""
    OUTPUT_CLOSED = 141
    """Nobody reads the output any more, as with `| head`; what SIGPIPE gives other programs."""
    TERMINATED = 143
    """Asked to end (SIGTERM)."""


class LevitEdgeError(Exception):
    """Base of everything that is the input's fault and not a bug."""


class DataError(LevitEdgeError):
    """An image folder or an image is not usable."""


class MemoryShortageError(LevitEdgeError):
    """There is not enough memory."""


class PackageError(LevitEdgeError):
    """A package for a phone or a board is damaged, is not one, or is not signed by that key."""


class RuntimeUnavailableError(LevitEdgeError):
    """A runtime is not installed, or cannot load an artifact."""

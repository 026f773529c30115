"""Every error a user can cause, as one tree.

    LevitEdgeError                exit status 3: bad input, one message, no traceback
    ├── CheckpointError           a checkpoint cannot be read, or is not the LeViT that was asked for
    ├── DownloadError             official weights cannot be fetched, or are not the published file
    ├── DataError                 an image folder or an image is not usable
    ├── QuantizationError         the model cannot be fused, calibrated, quantized or exported faithfully
    ├── BundleError               a bundle is damaged, incomplete, or not a bundle
    ├── PackageError              a package for a phone or a board is damaged, is not one, or is not signed by that key
    ├── MeasurementError          a saved measurement of a board is damaged, or is not one
    ├── OutputError               an output path cannot be written
    ├── MemoryShortageError       there is not enough memory
    ├── PublishError              a bundle cannot be put on the Hugging Face hub
    ├── PlanError                 a sweep's plan is not one, or contradicts itself
    ├── SweepError                a sweep cannot go on: its cluster, its workers or its store fail
    ├── BoardError                a board cannot be reached, or cannot do what it is asked
    │   └── NoPythonError         it has no Python to run the agent
    └── RuntimeUnavailableError   a runtime is not installed, or cannot load an artifact

A message says what was found, what was expected and what to do. A gate that fails (accuracy) is not
an error: commands return exit status 4 for it. `ExitStatus` is the single list of exit statuses. Those that a board can
meet too are in `levit_edge.device.errors`, which travels to it.
"""

from levit_edge.device.errors import (
    MEMORY_ADVICE,
    DataError,
    ExitStatus,
    LevitEdgeError,
    MemoryShortageError,
    PackageError,
    RuntimeUnavailableError,
)

__all__ = [
    "MEMORY_ADVICE",
    "BoardError",
    "BundleError",
    "CheckpointError",
    "DataError",
    "DownloadError",
    "ExitStatus",
    "LevitEdgeError",
    "MeasurementError",
    "MemoryShortageError",
    "NoPythonError",
    "OutputError",
    "PackageError",
    "PlanError",
    "PublishError",
    "QuantizationError",
    "RuntimeUnavailableError",
    "SweepError",
]


class CheckpointError(LevitEdgeError):
    """A checkpoint cannot be read, or is not the LeViT that was asked for."""


class DownloadError(LevitEdgeError):
    """Official weights cannot be fetched, or are not the published file."""


class QuantizationError(LevitEdgeError):
    """The model cannot be fused, calibrated, quantized or exported faithfully."""


class BundleError(LevitEdgeError):
    """A bundle is damaged, incomplete, or not a bundle."""


class MeasurementError(LevitEdgeError):
    """A saved measurement of a board is damaged, or is not one."""


class OutputError(LevitEdgeError):
    """An output path cannot be written."""


class PublishError(LevitEdgeError):
    """A bundle cannot be put on the Hugging Face hub."""


class PlanError(LevitEdgeError):
    """A sweep's plan is not one, or contradicts itself."""


class SweepError(LevitEdgeError):
    """A sweep cannot go on: its cluster, its workers or its store fail."""


class BoardError(LevitEdgeError):
    """A board cannot be reached, or cannot do what it is asked."""

    file: str | None = None
    """The model file that fails there, where it is one that does."""


class NoPythonError(BoardError):
    """A board has no Python to run the agent."""

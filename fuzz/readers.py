"""Every reader of levit-edge: by name, what makes its `Reader` from a bundle of the demo."""

from collections.abc import Callable
from pathlib import Path

from fuzz.board_readers import BOARD_READERS
from fuzz.bundle_readers import BUNDLE_READERS
from fuzz.cache_readers import CACHE_READERS
from fuzz.checkpoint_readers import CHECKPOINT_READERS
from fuzz.image_readers import IMAGE_READERS
from fuzz.model_readers import MODEL_READERS
from fuzz.reader import Reader
from fuzz.source_readers import SOURCE_READERS
from fuzz.sweep_readers import SWEEP_READERS

__all__ = ["READERS"]

READERS: dict[str, Callable[[Path], Reader]] = {
    **CHECKPOINT_READERS,
    **BUNDLE_READERS,
    **BOARD_READERS,
    **CACHE_READERS,
    **IMAGE_READERS,
    **SOURCE_READERS,
    **SWEEP_READERS,
    **MODEL_READERS,
}

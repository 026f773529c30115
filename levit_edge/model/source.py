"""What names a checkpoint: a path, or a model id of the Hugging Face hub; told apart before anything is opened."""

import re
from pathlib import Path

from levit_edge.errors import CheckpointError
from levit_edge.places import found_at

__all__ = ["HUB_ID", "WEIGHT_SUFFIXES", "has_hub_form", "is_hub_id", "require_checkpoint"]

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""`owner/name`."""
WEIGHT_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors", ".ckpt", ".tar")
"""What `owner/name` may not end in to be a hub model: it is a path that does not exist."""
EXPECTED = "the path of a checkpoint, a folder with config.json and weights"


def has_hub_form(spec: str) -> bool:
    """Whether `spec` is formed as a model id of the hub, whatever lies in the working directory."""
    return HUB_ID.fullmatch(spec) is not None and not spec.lower().endswith(WEIGHT_SUFFIXES)


def is_hub_id(spec: str) -> bool:
    """Whether `spec` is formed as a model id of the hub, and not the path of something that is there."""
    return has_hub_form(spec) and found_at(Path(spec)) == "does not exist"


def require_checkpoint(spec: str, expected: str = EXPECTED) -> None:
    """Refuse what is neither a path that exists nor formed as a model id of the hub; nothing is opened or fetched.

    Args:
        spec: what the user gave.
        expected: what is said that it should be, in front of the hub's ids.

    Raises:
        CheckpointError: it is neither.
    """
    found = found_at(Path(spec))
    if found in {"is a file", "is a folder"}:
        return
    if not is_hub_id(spec):
        raise CheckpointError(
            f"{spec} {found}; expected {expected}, or a Hugging Face model id such as facebook/levit-128S."
        )

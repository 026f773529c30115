"""Where a checkpoint comes from: a path, the official weights, the embedded demo, or the Hugging Face hub."""

from pathlib import Path

from levit_edge import demo
from levit_edge.errors import CheckpointError, DownloadError
from levit_edge.model.config import CONFIGS, OFFICIAL_SIZES, size_named
from levit_edge.model.http_file import fetch_file
from levit_edge.model.hub import fetch_from_hub
from levit_edge.model.source import require_checkpoint
from levit_edge.system.host import CACHE_VARIABLE, cache_folder

__all__ = ["fetch_official", "resolve_checkpoint"]


def fetch_official(size: str) -> Path:
    """The official weights of a size, fetched once, kept, and checked by hash whenever they are used.

    Raises:
        CheckpointError: there are no official weights of that size.
        DownloadError: they cannot be fetched, or the hash is wrong; the message says what to pass instead.
    """
    config = CONFIGS.get(size_named(size) or size)
    if config is None or config.weights is None:
        raise CheckpointError(f"There are no official weights of size {size!r}; only of {', '.join(OFFICIAL_SIZES)}.")
    url, target = config.weights.url, cache_folder() / config.weights.file_name
    try:
        return fetch_file(url, target, sha256_prefix=config.weights.sha256_prefix)
    except DownloadError as error:
        raise DownloadError(
            f"The official LeViT-{config.name} weights could not be fetched. {error}\n"
            f"Pass --checkpoint FILE with a LeViT-{config.name} checkpoint, or fetch {url} elsewhere and put it into "
            f"{target.parent} ({CACHE_VARIABLE} names another folder)."
        ) from error


def resolve_checkpoint(spec: str | None, size: str | None) -> Path:
    """The file or folder that `--checkpoint` (and without it, `--model`) stands for, fetched if need be.

    Args:
        spec: an existing path, a Hugging Face model id (`owner/name`), or None for the weights that belong to `size`.
        size: one of `CONFIGS`, or None.

    Raises:
        CheckpointError: `spec` is neither, or nothing was asked for.
        DownloadError: what was asked for cannot be fetched.
    """
    if spec is None:
        if size is None:
            raise CheckpointError(f"Nothing to load: pass --checkpoint, or --model with one of {', '.join(CONFIGS)}.")
        return demo.checkpoint_path() if size_named(size) == "demo" else fetch_official(size)
    require_checkpoint(spec)
    return Path(spec) if Path(spec).exists() else fetch_from_hub(spec)

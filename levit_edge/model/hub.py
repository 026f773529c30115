"""Fetches a model folder from the Hugging Face hub: its weights and what describes them, nothing else."""

import re
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from levit_edge.errors import CheckpointError, DownloadError
from levit_edge.model.hub_config import INDEX_FILES, PROCESSOR_FILE, WEIGHT_FILES
from levit_edge.model.license import CARD_FILE
from levit_edge.model.shards import INDEX_SUFFIX, read_index
from levit_edge.text import reason

__all__ = ["fetch_from_hub", "hub_obstacle", "told_of"]

PROBE_TIMEOUT_S = 10.0
MOST_TOLD = 300
"""Characters of what the hub says."""
BESIDE = (PROCESSOR_FILE, CARD_FILE)
"""What may lie beside weights: Transformers' preprocessing, and a card that says the licence."""
NOT_FOUND = 404
"""All that a mirror of the hub may say of a file that is not there; the hub itself says more."""


def fetch_from_hub(model_id: str, *, endpoint: str | None = None, cache: Path | None = None) -> Path:
    """Fetch a hub model's config.json, preprocessing and weights, safetensors if there are any; returns their folder.

    Weights that are split into several files are fetched with their index, which may only name files beside it.

    Args:
        model_id: such as `facebook/levit-128S`.
        endpoint: the hub's address; None takes huggingface_hub's own (HF_ENDPOINT).
        cache: None takes huggingface_hub's own (HF_HOME); what is there is used without a network too.

    Raises:
        DownloadError: no such model, no access, no weights, or no network and nothing in the cache.
        CheckpointError: an index of weights is none, or names files that do not lie beside it.
    """
    obstacle = hub_obstacle(endpoint)
    try:
        folder = _fetch(model_id, endpoint, cache, offline=obstacle is not None)
    except CheckpointError as error:
        raise CheckpointError(f"{model_id} on the Hugging Face hub: {error}") from error
    except Exception as error:  # huggingface_hub lets its own, OSError, ValueError and its HTTP client's errors through
        raise DownloadError(_reason(model_id, error, obstacle)) from error
    if folder is None:
        raise DownloadError(f"{model_id} on the Hugging Face hub has no weights: expected {' or '.join(WEIGHT_FILES)}.")
    return folder


def hub_obstacle(endpoint: str | None = None) -> str | None:
    """Why the hub cannot be reached, None if it can; asked first, as huggingface_hub would retry for half a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    address = endpoint or constants.ENDPOINT
    request = Request(address, method="HEAD", headers={"User-Agent": "levit-edge"})  # noqa: S310 - the user's own hub
    try:
        urlopen(request, timeout=PROBE_TIMEOUT_S).close()  # noqa: S310
    except HTTPError as error:
        error.close()  # it answers
    except URLError as error:
        # huggingface_hub has certificates of its own
        return None if isinstance(error.reason, ssl.SSLError) else str(error.reason)
    except OSError as error:
        return str(error)
    return None


def told_of(error: Exception) -> str:
    """What the hub or its client says: a line of printable text, without the token or a password of an address."""
    from huggingface_hub import get_token

    said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    token = get_token()
    if token:
        said = said.replace(token, "…")
    return reason(re.sub(r"//[^/@\s]+@", "//…@", said), MOST_TOLD).rstrip(".:")


def _fetch(model_id: str, endpoint: str | None, cache: Path | None, *, offline: bool) -> Path | None:
    """The folder, or None if the hub has config.json but no weights; `offline` looks into the cache only."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

    def fetch(name: str) -> Path:
        return Path(hf_hub_download(model_id, name, endpoint=endpoint, cache_dir=cache, local_files_only=offline))

    fetch("config.json")
    weights, missing = None, None
    for name in (*BESIDE, *WEIGHT_FILES, *INDEX_FILES):
        try:
            found = fetch(name)
        except RemoteEntryNotFoundError:
            continue  # timm's have no processor, others no card, and not all kinds of weights
        except LocalEntryNotFoundError as error:
            if not offline and not _is_not_found(error) and name != CARD_FILE:
                raise
            missing = error
        else:
            if name not in BESIDE:
                weights = found
                break
    if weights is None:
        if offline and missing is not None:
            raise missing
        return None
    if weights.name.endswith(INDEX_SUFFIX):
        _fetch_shards(weights, fetch)
    return weights.parent


def _is_not_found(error: Exception) -> bool:
    return getattr(getattr(error.__cause__, "response", None), "status_code", None) == NOT_FOUND


def _fetch_shards(index: Path, fetch: Callable[[str], Path]) -> None:
    """Fetch what an index names.

    Raises:
        CheckpointError: it is no index, names files that do not lie beside it, or the hub has not all of them.
    """
    from huggingface_hub.errors import RemoteEntryNotFoundError

    for name in read_index(index):
        try:
            fetch(name)
        except RemoteEntryNotFoundError as error:
            raise CheckpointError(f"{index.name} names {name}, which is not there.") from error


def _reason(model_id: str, error: Exception, obstacle: str | None) -> str:
    from huggingface_hub.errors import GatedRepoError, RemoteEntryNotFoundError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return f"{model_id} on the Hugging Face hub is gated: ask for access there and run `hf auth login`."
    if isinstance(error, RepositoryNotFoundError):
        return f"{model_id} does not exist, neither as a file nor as a model on the Hugging Face hub."
    if isinstance(error, RemoteEntryNotFoundError):
        return (
            f"{model_id} on the Hugging Face hub has no config.json: expected a model of timm or Transformers. A bundle"
            f" there is called hf:{model_id}."
        )
    return (
        f"{model_id} does not exist as a file, and a model of that name cannot be fetched from the Hugging Face hub: "
        f"{obstacle or told_of(error)}. Without a network, pass a folder with config.json and model.safetensors, or a"
        " weights file, as --checkpoint."
    )

"""Official weights: which are in the cache, and whether the places can be reached that weights come from."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.model.config import CONFIGS, OFFICIAL_SIZES, WEIGHTS_BASE_URL
from levit_edge.system.host import CACHE_VARIABLE, cache_folder

__all__ = ["check_network", "check_weights"]

TIMEOUT_S = 5.0


def check_weights() -> Check:
    """Whether they are there; their hash is checked whenever they are used."""
    name, folder = "official weights", cache_folder()
    files = {size: folder / weights.file_name for size in OFFICIAL_SIZES if (weights := CONFIGS[size].weights)}
    cached = [size for size, file in files.items() if file.is_file()]
    if cached:
        return Check(name, CheckStatus.OK, f"{', '.join(cached)} in {folder}")
    advice = (
        "`levit-edge quantize --model 128S` fetches them; without network, pass --checkpoint, or put the file"
        f" there ({CACHE_VARIABLE} names another folder)"
    )
    return Check(name, CheckStatus.MISSING, f"none in {folder}", advice)


def check_network() -> Sequence[Check]:
    """The official weights and the Hugging Face hub, at once; asked only if the user asks."""
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    places = (
        ("network: weights", WEIGHTS_BASE_URL, "pass --checkpoint FILE, or fetch the weights elsewhere"),
        ("network: hub", hub, "pass a downloaded folder instead of a model id, or set HF_ENDPOINT to a mirror"),
    )
    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(_reach, *zip(*places, strict=True)))


def _reach(name: str, url: str, advice: str) -> Check:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=TIMEOUT_S):  # noqa: S310 - ours, or the user's own mirror
            pass
    except HTTPError:
        pass  # somebody answered
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return Check(name, CheckStatus.MISSING, f"{url}: {reason}", advice)
    return Check(name, CheckStatus.OK, f"{url} answers")

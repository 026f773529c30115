"""Whether the places can be reached that weights come from; asked only if the user asks."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.model.config import WEIGHTS_BASE_URL

__all__ = ["check_network"]

TIMEOUT_S = 5.0


def check_network() -> Sequence[Check]:
    """The official weights and the Hugging Face hub, at once."""
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    places = {
        "network: weights": (WEIGHTS_BASE_URL, "pass --checkpoint FILE, or fetch the weights elsewhere"),
        "network: hub": (hub, "pass a downloaded folder instead of a model id, or set HF_ENDPOINT to a mirror"),
    }
    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(lambda item: _check(item[0], *item[1]), places.items()))


def _check(name: str, url: str, advice: str) -> Check:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=TIMEOUT_S):  # noqa: S310 - ours, or the user's own mirror
            pass
    except HTTPError:
        pass  # somebody answered
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return Check(name=name, status=CheckStatus.MISSING, found=f"{url}: {reason}", advice=advice)
    return Check(name=name, status=CheckStatus.OK, found=f"{url} answers")

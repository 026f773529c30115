"""How a bundle's README.md is known to be as levit-edge wrote it: its last line has the SHA-256 of all above."""

import hashlib
import re
from pathlib import Path

from levit_edge.model.license import CARD_FILE
from levit_edge.places import found_at

__all__ = ["has_own_card", "is_unchanged", "resealed", "sealed"]

MOST_BYTES = 2**20
_SEAL = re.compile(rb"\n<!-- levit-edge wrote this card: ([0-9a-f]{64}) -->\n\Z")


def sealed(text: str) -> str:
    """`text` with the line behind it."""
    return f"{text}\n<!-- levit-edge wrote this card: {hashlib.sha256(text.encode()).hexdigest()} -->\n"


def resealed(card: str) -> str:
    """A sealed card in which levit-edge itself has changed something, with the seal that it has now."""
    return sealed(_SEAL.sub(b"", card.encode()).decode())


def is_unchanged(card: bytes) -> bool:
    """Whether `card` is as it was sealed, so that nothing of anybody's is lost with it."""
    seal = _SEAL.search(card)
    return seal is not None and hashlib.sha256(card[: seal.start()]).hexdigest() == seal[1].decode()


def has_own_card(folder: Path) -> bool:
    """Whether there is a card in `folder`, and nobody has changed it."""
    path = folder / CARD_FILE
    try:
        return found_at(path) == "is a file" and path.stat().st_size <= MOST_BYTES and is_unchanged(path.read_bytes())
    except OSError:
        return False

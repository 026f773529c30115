"""Under which licence a checkpoint's weights are, as whoever published them states it; an identifier of the hub's.

The hub's identifiers (https://huggingface.co/docs/hub/repositories-licenses) are SPDX's in lower case, and some of its
own, such as `other`. What is stated is handed on as it is: levit-edge gives no rights.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from levit_edge import demo
from levit_edge.model.config import CONFIGS

__all__ = ["CARD_FILE", "is_license", "published_license", "stated_license"]

CARD_FILE = "README.md"
"""A model card: YAML between two lines of dashes, and then Markdown."""
MOST_HEAD_BYTES = 2**16
ORIGINAL = "apache-2.0"
"""Of the original code's repository (facebookresearch/LeViT), with which the official weights were published."""
DEMO = "cc0-1.0"
"""See levit_edge/data/demo/LICENSE."""
_FORM = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
_IN_HEAD = re.compile(r"^license:[ \t]*[\"']?([\w.+-]+)[\"']?[ \t]*(?:#.*)?$", re.MULTILINE)


def is_license(text: str) -> bool:
    """Whether `text` has the form of the hub's identifiers."""
    return _FORM.fullmatch(text) is not None


def published_license(sha256: str) -> str | None:
    """That of the weights which levit-edge knows by their SHA-256: the official ones and the demo's."""
    if demo.is_demo(sha256):
        return DEMO
    prefixes = [each.weights.sha256_prefix for each in CONFIGS.values() if each.weights is not None]
    return ORIGINAL if any(sha256.startswith(prefix) for prefix in prefixes) else None


def stated_license(folder: Path | None, content: Mapping[str, Any], metadata: Mapping[str, str]) -> str | None:
    """What the files say: `license` in config.json or timm's part of it, in safetensors' metadata, in a model card.

    Args:
        folder: the model's folder, if it is one.
        content: of its config.json.
        metadata: of its weights file.
    """
    pretrained = content.get("pretrained_cfg")
    by_timm = pretrained.get("license") if isinstance(pretrained, dict) else None
    for found in (content.get("license"), by_timm, metadata.get("license"), _of_card(folder)):
        text = found.strip().lower() if isinstance(found, str) else ""
        if is_license(text):
            return text
    return None


def _of_card(folder: Path | None) -> str | None:
    """The `license` in the head of a folder's model card."""
    if folder is None or not (folder / CARD_FILE).is_file():
        return None
    with (folder / CARD_FILE).open("rb") as file:
        text = file.read(MOST_HEAD_BYTES).decode("utf-8", "replace").replace("\r\n", "\n")
    head = text[4:].partition("\n---")[0] if text.startswith("---\n") else ""
    found = _IN_HEAD.search(head)
    return found and found[1]

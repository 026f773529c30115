"""A plan as the TOML document that `read_plan` reads, with everything spelled out, as defaults may change."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from levit_edge.documents import to_json
from levit_edge.sweep.plan import SweepPlan

__all__ = ["plan_lines"]


def plan_lines(plan: SweepPlan) -> Iterator[str]:
    """The document's lines; what is None is left out, as TOML has no such value."""
    document = to_json(plan)
    yield f"schema_version = {document.pop('schema_version')}"
    checkpoints, recipes = document.pop("checkpoints"), document.pop("recipes")
    for each in checkpoints:
        yield from _table("[[checkpoints]]", each)
    for name, recipe in recipes.items():
        yield from _table(f"[recipes.{_text(name)}]", recipe)
    for name, values in document.items():
        if values is not None:
            yield from _table(f"[{name}]", values)


def _table(heading: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield heading
    yield from (f"{key} = {_text(value)}" for key, value in values.items() if value is not None)


def _text(value: Any) -> str:
    """JSON's texts, numbers and lists are TOML's, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

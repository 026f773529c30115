"""What a call of `quantize` or `sensitivity` asks for, as one value, and the command line that asks for it again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levit_edge.bundle.recipe import Recipe, option_words
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.runtime.evaluation.gate import NO_GATE, GateRules

__all__ = ["Asked", "Option"]

Option = tuple[str, ...]
"""An option with its value, as words that are not quoted."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of `quantize` that decide what comes out; those of `sensitivity` are called the same."""

    model: str | None = None
    checkpoint: str | None = None
    weights: str | None = None
    calibration: str | Path | None = None
    evaluation: str | Path | None = None
    recipe: Recipe
    options: ImageOptions = DEFAULTS
    rules: GateRules = NO_GATE

    def quantize(self, *, unlike: Recipe | None = None) -> list[Option]:
        """`levit-edge quantize …`; of the recipe what differs from `unlike`, or all."""
        limit = self.options.limit
        bound: list[Option] = [] if limit is None else [("--limit", str(limit))]
        return [("levit-edge", "quantize"), *self._common(unlike), *self.rules.option_words(), *bound]

    def sensitivity(self, *, unlike: Recipe | None = None) -> list[Option]:
        """`levit-edge sensitivity …` on the same network; it looks at as many images as it does by itself."""
        return [("levit-edge", "sensitivity"), *self._common(unlike)]

    def arguments(self) -> dict[str, Any]:
        """What `levit_edge.quantize` and the sensitivity's library take alike, by name."""
        names = ("checkpoint", "weights", "calibration", "evaluation", "recipe", "options")
        return {"size": self.model, **{name: getattr(self, name) for name in names}}

    def _common(self, unlike: Recipe | None) -> Iterator[Option]:
        for name in ("model", "checkpoint", "weights", "calibration", "evaluation"):
            if (value := getattr(self, name)) is not None:
                yield (f"--{name}", str(value))
        yield from self.options.option_words()
        yield from option_words(self.recipe, unlike=unlike)

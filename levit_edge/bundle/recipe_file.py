"""A recipe in a file of its own: TOML, or JSON, which a bundle's manifest is too."""

from pathlib import Path

from levit_edge.bundle.recipe import Recipe
from levit_edge.documents import from_json, read_json, read_toml
from levit_edge.errors import LevitEdgeError

__all__ = ["read_recipe"]


def read_recipe(path: Path, error: type[LevitEdgeError]) -> Recipe:
    """The recipe in a `.json` file, or in a TOML file of any other name; of a manifest its recipe.

    Raises:
        LevitEdgeError: of type `error`: the file cannot be read, is too large, or holds no recipe.
    """
    what = "the recipe"
    read = read_json if path.suffix.lower() == ".json" else read_toml
    document = read(path, error, what)
    if isinstance(document, dict) and "recipe" in document:  # no field is called so
        document = document["recipe"]
    return from_json(Recipe, document, error, f"{what} {path}")

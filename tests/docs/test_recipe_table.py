"""The table of a recipe's options in docs/recipes.md is what the dataclass says.

`python -m tests.docs.test_recipe_table` prints it as it has to be.
"""

from collections.abc import Iterator

from levit_edge.bundle.recipe import Recipe, recipe_options
from tests.conftest import REPOSITORY


def table() -> Iterator[str]:
    yield "| option | field | default | what it says |"
    yield "|---|---|---|---|"
    for each in recipe_options():
        value = getattr(Recipe(), each.field)
        flags = f"`{each.flag}`, `{each.negative}`" if each.kind is bool else f"`{each.flag}`"
        default = "none" if value == () else {"True": "yes", "False": "no"}.get(str(value), value)
        yield f"| {flags} | `{each.field}` | {default} | {each.option.help} |"


def test_the_table_of_options_is_that_of_the_dataclass() -> None:
    page = (REPOSITORY / "docs/recipes.md").read_text("utf-8")
    assert "\n".join(table()) in page


if __name__ == "__main__":
    print("\n".join(table()))

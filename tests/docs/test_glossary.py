"""docs/glossary.md is what `levit-edge explain` says.

`python -m tests.docs.test_glossary` prints it as it has to be.
"""

from collections.abc import Iterator

from levit_edge.glossary.term import Term
from levit_edge.glossary.terms import TERMS
from tests.conftest import REPOSITORY

HEAD = """# Glossary

What the words of tables, reports and these pages mean. `levit-edge explain` lists them, and with a word it says
what this page says.

<!-- run -->
```console
$ levit-edge explain sqnr
SQNR
more: docs/how-it-works.md#verification
```
"""


def page() -> str:
    return "\n".join((HEAD, *(line for term in TERMS for line in section(term)))).rstrip() + "\n"


def section(term: Term) -> Iterator[str]:
    yield f"## {term.name}\n"
    if term.also:
        yield f"*Also: {', '.join(term.also)}.*\n"
    yield f"{term.meaning}\n"
    if term.formula:
        yield f"```text\n{term.formula}\n```\n"
    yield f"[More]({term.page})\n"


def test_the_page_is_that_of_the_terms() -> None:
    assert (REPOSITORY / "docs/glossary.md").read_text("utf-8") == page()


if __name__ == "__main__":
    print(page(), end="")

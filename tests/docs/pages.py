"""The Markdown pages: their headings, links and code blocks, and what is said about each block.

A comment right before a block of commands says what becomes of it in CI; readers of the page do not see it:

    <!-- run -->                     it is run, and has to succeed
    <!-- run: exit status 4 -->      it is run, and its last command has to end so
    <!-- not run: needs a phone -->  it is not run, and why
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conftest import REPOSITORY

PAGES = sorted(
    path
    for folder in (REPOSITORY, REPOSITORY / "docs", REPOSITORY / "android_demo", REPOSITORY / "levit_edge/data/demo")
    for path in folder.glob("*.md")
)
COMMANDS = ("bash", "console")
_STATE = re.compile(r"<!-- (?:(?P<run>run)(?:: exit status (?P<status>\d+))?|not run: (?P<reason>\S.*\S)) -->")
_PROMPT = "$ "


@dataclass(frozen=True)
class Step:
    """One command, and the lines that the page shows below it."""

    command: str
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    where: str
    """`page:line`."""
    language: str
    source: str
    comment: str
    """The comment before it, or nothing."""

    @property
    def state(self) -> re.Match[str] | None:
        """What the comment says, if it says it in one of the three forms."""
        return _STATE.fullmatch(self.comment)

    @property
    def runs(self) -> bool:
        return self.state is not None and self.state["run"] is not None

    @property
    def status(self) -> int:
        """With which its last command has to end."""
        return int(self.state["status"] or 0) if self.state else 0

    @property
    def steps(self) -> list[Step]:
        """Of `bash` the whole block; of `console` each line with a prompt, with what is below it."""
        if self.language == "bash":
            return [Step(self.source)]
        found: list[Step] = []
        for line in self.source.replace("\\\n", "").splitlines():
            if line.startswith(_PROMPT):
                found.append(Step(line.removeprefix(_PROMPT)))
            else:
                last = found.pop()
                found.append(Step(last.command, (*last.shown, line)))
        return found


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))


def blocks(page: Path) -> Iterator[Block]:
    comment = ""
    for token in tokens(page):
        if token.type == "fence":
            line = token.map[0] + 1 if token.map else 0
            where = f"{page.relative_to(REPOSITORY)}:{line}"
            yield Block(where, token.info.strip(), token.content, comment)
        comment = token.content.strip() if token.type == "html_block" else ""


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site name them."""
    parsed = tokens(page)
    texts = [parsed[place + 1] for place, token in enumerate(parsed) if token.type == "heading_open"]
    return {_anchor("".join(child.content for child in text.children or ())) for text in texts}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def links(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if isinstance(target, str):
                yield target

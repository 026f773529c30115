from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, anchors, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    broken = [target for target in links(page) if not leads_somewhere(page, target)]
    assert not broken


def leads_somewhere(page: Path, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme:
        return parts.scheme in {"https", "mailto"}
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if REPOSITORY not in (path, *path.parents) or not path.exists():
        return False
    return not parts.fragment or (path.suffix == ".md" and parts.fragment in anchors(path))


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("CONTRIBUTING.md", True),
        ("SECURITY.md#security", True),
        ("#no-such-heading", False),
        ("SECURITY.md#no-such-heading", False),
        ("no-such-page.md", False),
        ("../outside.md", False),
        ("http://plain.example", False),
    ],
)
def test_what_a_link_leads_to_is_checked(target: str, leads: bool) -> None:
    assert leads_somewhere(REPOSITORY / "README.md", target) is leads

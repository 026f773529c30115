import os
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

import levit_edge
from tests.conftest import REPOSITORY

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""What a browser fetches by itself."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    if not find_spec("mkdocs"):
        assert not os.environ.get("CI"), "the gate installs the extra dev, and with it docs"
        pytest.skip("mkdocs is not installed: pip install 'levit-edge[docs]'")
    folder = tmp_path_factory.mktemp("site")
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    assert build.returncode == 0, build.stderr
    assert not build.stdout + build.stderr
    return folder


class Fetched(HTMLParser):
    """Collects what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADED.get(tag, ""))
        if address and dict(attrs).get("rel") not in {"next", "prev"}:
            self.addresses.append(address)


@pytest.mark.release
def test_every_page_is_built_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    built = {page.relative_to(site) for page in site.rglob("*.html")}
    assert built == {Path("404.html")} | {
        page.relative_to(REPOSITORY / "docs").with_suffix(".html") for page in (REPOSITORY / "docs").rglob("*.md")
    }
    for page in built:
        fetched = Fetched()
        fetched.feed((site / page).read_text("utf-8"))
        assert fetched.addresses
        missing = [address for address in fetched.addresses if not (site / page.parent / address).exists()]
        assert not missing or page == Path("404.html"), page
    styles = "".join(style.read_text("utf-8") for style in site.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


@pytest.mark.release
def test_the_reference_describes_every_public_name(site: Path) -> None:
    page = (site / "api.html").read_text("utf-8")
    for name in levit_edge.__all__:
        home = levit_edge._HOMES[name]
        home = "levit_edge.quantize.pipeline" if name == "quantize" else home
        assert f'id="{home}.{name}"' in page, name

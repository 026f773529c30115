"""The page from servers and as a folder: its files, its policy, and what it says where it cannot start."""

import functools
import threading
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from levit_edge.package.web.folder import put_folder
from levit_edge.package.web.page import folder_files
from tests.web.conftest import DONE, choose, opened
from tests.web.test_page import guesses

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.release


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def served(tiny_files: Mapping[str, bytes], tiny_page: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server on loopback of the page `tiny.html`, and of the folder form in `site/`."""
    put_folder(tmp_path / "site", folder_files(tiny_files, "tiny"))
    (tmp_path / "tiny.html").write_bytes(tiny_page.read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["tiny.html", "site/index.html"])
def test_it_runs_from_a_server(
    browser: "Browser", served: str, path: str, labelled_photographs: Path, tiny_files: Mapping[str, bytes]
) -> None:
    beside = folder_files(tiny_files, "tiny") if path.startswith("site/") else ()
    with opened(browser, f"{served}/{path}", beside) as page:
        found = choose(page, sorted(labelled_photographs.glob("red/*.jpg"))[0])
    assert set(guesses(found[0])) == {"red", "green", "blå"}


def test_a_folder_that_lacks_a_file_says_so(browser: "Browser", served: str, tmp_path: Path) -> None:
    (tmp_path / "site/package/labels.txt").unlink()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/site/index.html")
    page.wait_for_selector("body[data-state=refused]")
    assert "package/labels.txt: the server answers 404" in page.inner_text("#refusal")
    context.close()


def test_a_folders_document_has_its_hash_in_the_page(browser: "Browser", served: str, tmp_path: Path) -> None:
    document = tmp_path / "site/package/model.json"
    document.write_bytes(document.read_bytes() + b" ")
    with opened(browser, f"{served}/site/index.html", ["page.css", "page.js", "package/model.json"]) as page:
        assert "model.json is damaged or was changed" in page.inner_text("#refusal")


@pytest.mark.parametrize("path", ["tiny.html", "site/index.html"])
def test_its_worker_reaches_no_other_address(browser: "Browser", served: str, tmp_path: Path, path: str) -> None:
    """A worker from an address of its own would have the policy of that answer: none."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/{path}")
    page.wait_for_selector(DONE, timeout=60_000)
    fetched = "(address) => fetch(address, { mode: 'no-cors' }).then(() => 'reached', () => 'refused')"
    (worker,) = page.workers
    elsewhere = served.replace("127.0.0.1", "localhost")
    assert [where.evaluate(fetched, elsewhere) for where in (page, worker)] == ["refused"] * 2
    (tmp_path / "plain.html").write_text("<!doctype html>\n")
    page.goto(f"{served}/plain.html")
    assert page.evaluate(fetched, elsewhere) == "reached"
    context.close()


@pytest.mark.parametrize("form", ["a folder's page from the disk", "half a page", "a script that is not understood"])
def test_a_page_that_cannot_start_says_what_may_be_wrong(
    browser: "Browser", tiny_page: Path, tiny_files: Mapping[str, bytes], tmp_path: Path, form: str
) -> None:
    whole = tiny_page.read_bytes()
    put_folder(tmp_path / "site", folder_files(tiny_files, "tiny"))
    (tmp_path / "half").with_suffix(".html").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "old.html").write_bytes(whole.replace(b'<script type="module">', b'<script type="module">a b;'))
    path = {"a": "site/index.html", "h": "half.html"}.get(form[0], "old.html")
    path = "old.html" if form.startswith("a script") else path
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / path).as_uri())
    page.wait_for_selector("#stuck", timeout=60_000)
    for reason in ("older than Chrome", "not arrived whole"):
        assert reason in page.inner_text("#stuck")
    assert ("from a web server" in page.inner_text("#stuck")) is form.startswith("a folder")
    context.close()

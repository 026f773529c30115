"""The page over plain http under a name that is not this computer's own, as a phone of the network has it.

Such a page is no secure context: it has no camera, no `crypto.subtle` and no threads.
"""

import queue
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from levit_edge.board.web import page as page_module
from levit_edge.board.web.page import page_to_serve
from levit_edge.board.web.results import read_result
from levit_edge.board.web.server import PageServer, served
from levit_edge.bundle.reader import Bundle
from tests.conftest import unavailable
from tests.web.conftest import START_MS, choose, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.release
NAME = "levit-edge.test"


@pytest.fixture(scope="module")
def elsewhere(browser: "Browser") -> Iterator["Browser"]:
    """A browser for which that name is this computer's."""
    program = shutil.which("chromium") or unavailable("there is no chromium")
    arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    another = browser.browser_type.launch(executable_path=program, args=arguments)
    yield another
    another.close()


@pytest.fixture
def results() -> "queue.Queue[bytes]":
    return queue.Queue()


@pytest.fixture
def server(
    tiny_bundle: Path,
    runtime: Mapping[str, bytes],
    results: "queue.Queue[bytes]",
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PageServer]:
    monkeypatch.setattr(page_module, "runtime_files", lambda: runtime)
    with served(lambda: page_to_serve(Bundle.open(tiny_bundle)), results.put) as running:
        yield running


def test_all_but_camera_and_threads_works(
    elsewhere: "Browser",
    server: PageServer,
    results: "queue.Queue[bytes]",
    tiny_bundle: Path,
    labelled_photographs: Path,
) -> None:
    address = f"http://{NAME}:{server.server_port}{server.path}"
    with opened(elsewhere, address, ["results"]) as page:
        assert page.evaluate("() => [isSecureContext, typeof crypto.subtle, crossOriginIsolated]") == [
            False,
            "undefined",
            False,
        ]
        assert not page.is_visible("#live")
        assert page.locator("#tests li.passed").count() == 3
        assert "red" in choose(page, sorted(labelled_photographs.glob("red/*.jpg"))[0])[0]
        page.set_input_files("#folder", labelled_photographs)
        page.wait_for_selector("#verified a", timeout=START_MS)
        page.fill("#device", "My phone\u202e, the old one")
        page.click("#bench")
        page.click("#measured button", timeout=START_MS)
        page.wait_for_selector("#measured p[role=status]:has-text('Sent.')", timeout=START_MS)
    found = read_result(results.get(timeout=10), Bundle.open(tiny_bundle))
    assert {each.threads for each in found.results} == {1}
    assert re.fullmatch(r"My phone, the old one, Chrome \d+ on Linux", found.device.model)


def test_a_server_that_went_away_or_refuses_is_told(
    elsewhere: "Browser", server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://{NAME}:{server.server_port}{server.path}"
    context = elsewhere.new_context()
    page = context.new_page()
    page.goto(address)
    page.click("#bench", timeout=START_MS)
    button = page.locator("#measured button")
    button.wait_for(timeout=START_MS)
    monkeypatch.setattr("levit_edge.board.web.server.MOST_RESULTS", 0)
    button.click()
    page.wait_for_selector("#measured p:has-text('Not taken: 0 results have come')", timeout=START_MS)
    page.click("#bench")
    page.wait_for_selector("#measured button:enabled", timeout=START_MS)
    server.socket.close()
    server.shutdown()
    button.click()
    page.wait_for_selector("#measured p:has-text('Not sent: the computer does not answer')", timeout=START_MS)
    context.close()

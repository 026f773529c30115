"""The page over plain http under a name that is not this computer's own, as a phone of the network has it.

Such a page is no secure context: it has no camera, no `crypto.subtle` and no threads.
"""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from levit_edge.board.web.server import PageServer, served
from tests.conftest import unavailable
from tests.web.conftest import START_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.release
NAME = "levit-edge.test"
SECURE = [False, "undefined", False]


@pytest.fixture(scope="module")
def elsewhere(browser: "Browser") -> Iterator["Browser"]:
    """A browser for which that name is this computer's."""
    program = shutil.which("chromium") or unavailable("there is no chromium")
    arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    another = browser.browser_type.launch(executable_path=program, args=arguments)
    yield another
    another.close()


@pytest.fixture
def server(served_page: bytes) -> Iterator[PageServer]:
    with served(lambda: served_page, lambda _content, _address: None) as running:
        yield running


def test_a_server_that_went_away_or_refuses_is_told(
    elsewhere: "Browser", server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://{NAME}:{server.server_port}{server.path}"
    context = elsewhere.new_context()
    page = context.new_page()
    page.goto(address)
    page.click("#bench", timeout=START_MS)
    assert page.evaluate("() => [isSecureContext, typeof crypto.subtle, crossOriginIsolated]") == SECURE
    button = page.locator("#send")
    button.wait_for(timeout=START_MS)
    monkeypatch.setattr("levit_edge.board.web.server.MOST_RESULTS", 0)
    button.click()
    page.wait_for_selector("#sent:has-text('Not taken: 0 results have come')", timeout=START_MS)
    page.click("#bench")
    page.wait_for_selector("#send:enabled", timeout=START_MS)
    server.socket.close()
    server.shutdown()
    button.click()
    page.wait_for_selector("#sent:has-text('Not sent: the computer does not answer')", timeout=START_MS)
    context.close()

"""Pages of the tiny bundle and of the demo with the real onnxruntime-web, in a browser."""

import base64
import re
import shutil
import subprocess
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest
from filelock import FileLock

from levit_edge.board.web import page as page_module
from levit_edge.board.web.page import page_to_serve
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import PackageError
from levit_edge.package.contents import PagePrecision
from levit_edge.package.web.pack import page_title, web_files
from levit_edge.package.web.page import write_page
from levit_edge.package.web.runtime_files import runtime_files
from tests.conftest import REPOSITORY, Made, unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DONE = "body[data-state=ready], body[data-state=refused]"
START_MS = 120_000
"""On a busy machine."""
ASK = """
async ([asStored, asked, embedded, contents]) => {
  const source = document.getElementById("worker").textContent;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const answerTo = (request) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.kind !== "told") {
        data.kind === "answered" ? resolve(data.value) : reject(new Error(data.value.message));
      }
    };
    worker.postMessage({ id: 1, ...request });
  });
  await answerTo({ ask: "open", embedded, threads: 1 });
  const found = [];
  for (const content of contents) {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    found.push(await answerTo({ ask: "look", file: new Blob([bytes]), asked, asStored }));
  }
  worker.terminate();
  return found;
}
"""


@pytest.fixture(scope="session")
def node() -> None:
    """Node.js and npm; installed if they are absent and we may."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        made = subprocess.run([REPOSITORY / "scripts/node.sh"], capture_output=True, text=True, check=False)
        if made.returncode:
            unavailable(f"there is no node, and node.sh cannot install it: {made.stderr.strip()[-500:]}")


@pytest.fixture(scope="session")
def runtime(node: None) -> Mapping[str, bytes]:  # noqa: ARG001 - npm fetches them
    """onnxruntime-web's files: kept in the user's own cache, as they are large."""
    with pytest.MonkeyPatch.context() as changes:
        changes.delenv("LEVIT_EDGE_CACHE", raising=False)
        try:
            with FileLock(Path(tempfile.gettempdir()) / "levit-edge-web-runtime.lock"):  # other workers wait for it
                return runtime_files()
        except PackageError as error:
            unavailable(str(error))


@pytest.fixture(scope="session")
def tiny_files(tiny_bundle: Path, runtime: Mapping[str, bytes]) -> dict[str, bytes]:
    """A package with both models of the tiny bundle."""
    return web_files(Bundle.open(tiny_bundle), PagePrecision.BOTH, runtime)


@pytest.fixture(scope="session")
def tiny_page(tiny_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("web") / "tiny.html"
    path.write_bytes(write_page(tiny_files, "tiny"))
    return path


@pytest.fixture(scope="session")
def served_page(tiny_bundle: Path, runtime: Mapping[str, bytes]) -> bytes:
    """The tiny bundle's, as `serve` and `bench --on web` make it, packed once."""
    with pytest.MonkeyPatch.context() as changes:
        changes.setattr(page_module, "runtime_files", lambda: runtime)
        return page_to_serve(Bundle.open(tiny_bundle))


@pytest.fixture(scope="session")
def demo_page(demo_bundle: Made, runtime: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's, as `package --for web` makes it without options."""
    bundle = Bundle.open(demo_bundle[0])
    path = tmp_path_factory.mktemp("web") / "demo.html"
    path.write_bytes(write_page(web_files(bundle, PagePrecision.INT8, runtime), page_title(bundle)))
    return path


@pytest.fixture(scope="session")
def demo_page_of_both(
    demo_bundle: Made, runtime: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """With both of the demo's models."""
    path = tmp_path_factory.mktemp("web") / "both.html"
    path.write_bytes(write_page(web_files(Bundle.open(demo_bundle[0]), PagePrecision.BOTH, runtime), "both"))
    return path


@contextmanager
def opened(browser: "Browser", address: str, beside: Iterable[str] = (), **options: Any) -> "Iterator[Page]":
    """The page at `address` once it has started; at the end, whatever went wrong in it fails the test.

    That is: anything on the console, exceptions, dialogs, and any request but for the page itself, its blobs and the
    files `beside` it.
    """
    problems: list[str] = []
    context = browser.new_context(**({"viewport": {"width": 360, "height": 800}} | options))
    page = context.new_page()
    own = {address.partition("#")[0], *(urljoin(address, name) for name in beside)}
    page.on("request", lambda request: _note_request(request.url, own, problems))
    page.on("console", lambda message: problems.append(f"on the console: {message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"an exception: {error}"))
    page.on("dialog", lambda dialog: problems.append(f"a dialog: {dialog.message}"))
    try:
        page.goto(address)
        page.wait_for_selector(DONE, timeout=START_MS)
        yield page
    finally:
        context.close()
    assert not problems, "; ".join(problems)


def _note_request(url: str, own: Container[str], problems: list[str]) -> None:
    if not url.startswith("blob:") and url not in own:
        problems.append(f"a request: {url[:200]}")


def choose(page: "Page", *files: Any) -> list[str]:
    """Choose files, all paths or all as dictionaries, and wait; the text of each result, the newest first."""
    there = page.locator("#results > *").count()
    page.set_input_files("#choose", [*files])
    page.wait_for_selector(f"#results > :nth-child({there + len(files)})", timeout=START_MS)
    page.wait_for_selector(DONE, timeout=START_MS)
    return page.locator("#results > *").all_inner_texts()


def ask_worker(page: "Page", path: Path, contents: list[bytes], *, as_stored: bool, models: int = 1) -> list[Any]:
    """What a worker of the page's own source answers of each picture's file; the page lies at `path`."""
    elements = re.findall(rb'data-file="([^"]+)" data-sha256="([^"]+)">([^<]*)<', path.read_bytes())
    texts = {name.decode(): text.decode() for name, _, text in elements}
    (sha256,) = (sha256.decode() for name, sha256, _ in elements if name == b"model.json")
    files = [base64.b64encode(content).decode() for content in contents]
    given = [as_stored, [*range(models)], {"texts": texts, "sha256": sha256}, files]
    answers: list[Any] = page.evaluate(ASK, given)
    return answers

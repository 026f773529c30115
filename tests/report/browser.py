"""Pages in Debian's Chromium, and what a reader or a script would notice there."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Request

LOCAL = ("file:", "data:", "about:")
CONTRAST = """
() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error("a translucent background");
    }
    throw new Error("no background");
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || element.closest("style")) continue;
    const style = getComputedStyle(element);
    const ink = luminance(channels(element.closest("svg") ? style.fill : style.color));
    const paper = luminance(behind(element.closest("svg")?.parentElement ?? element));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    found.push([ratio, element.tagName + ": " + texts.currentNode.textContent.trim().slice(0, 40)]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}
"""
"""The contrast of every text with what is behind it, least first: WCAG 2.2, relative luminance and contrast ratio."""


@contextmanager
def opened(browser: "Browser", path: Path, *, width: int = 1200, scheme: Any = "light") -> "Iterator[Page]":
    """The page in `path`; at the end, whatever went wrong in it fails the test.

    That is: errors and warnings on the console, exceptions, dialogs, and any request for what is not in the file.
    """
    problems: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()

    def requested(request: "Request") -> None:
        if not request.url.startswith(LOCAL):
            problems.append(f"a request: {request.url}")

    def asked(dialog: "Dialog") -> None:
        problems.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("request", requested)
    page.on("requestfailed", lambda request: problems.append(f"a request that failed: {request.url[:80]}"))
    page.on("console", lambda message: problems.append(f"on the console: {message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"an exception: {error}"))
    page.on("dialog", asked)
    page.goto(path.as_uri())
    yield page
    context.close()
    assert not problems, "; ".join(problems)


def screenshot(page: "Page", path: Path) -> np.ndarray[Any, Any]:
    """The whole page as (height, width) pixels, each red, green and blue in one number; kept as a file."""
    page.screenshot(path=path, full_page=True)
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        channels = np.asarray(image.convert("RGB"), np.uint32)
    return channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]

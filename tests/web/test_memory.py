"""What page and worker keep of the pictures that they have seen: nothing."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import DONE, START_MS
from tests.web.test_page import jpeg

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.release
COUNTED = b"""
self.kept = { bitmaps: 0, memories: [] };
const [makeBitmap, closeBitmap] = [self.createImageBitmap, ImageBitmap.prototype.close];
self.createImageBitmap = async (...given) => {
  const made = await makeBitmap(...given);
  kept.bitmaps++;
  return made;
};
ImageBitmap.prototype.close = function () {
  kept.bitmaps--;
  closeBitmap.call(this);
};
WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
  construct(kind, given) {
    kept.memories.push(new kind(...given));
    return kept.memories.at(-1);
  },
});
"""
"""For a worker: pictures that are not closed, and the runtime's memory."""
IN_WORKER = "({ bitmaps: kept.bitmaps, runtime: kept.memories.reduce((sum, each) => sum + each.buffer.byteLength, 0) })"
PICTURES, SIDE, TURNS = 15, 1500, 8
MOST_MORE_BYTES = 150 * 2**20
"""Of the whole process: a third of the pixels of the pictures between the two measurements."""


def test_memory_is_the_same_after_many_pictures(browser: "Browser", tiny_page: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    names = [tmp_path / f"{number}.jpg" for number in range(PICTURES)]
    for name in names:
        name.write_bytes(jpeg(Image.fromarray(noise), quality=20))
    strict = b'id="worker">"use strict";'
    (tmp_path / "counted.html").write_bytes(tiny_page.read_bytes().replace(strict, strict + COUNTED))
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / "counted.html").as_uri())
    page.wait_for_selector(DONE, timeout=START_MS)
    used: list[dict[str, float]] = []
    for turn in range(TURNS):
        page.set_input_files("#choose", names)
        page.wait_for_selector("body[data-state=busy]")
        page.wait_for_selector("body[data-state=ready]", timeout=START_MS)
        if turn in {3, TURNS - 1}:
            used.append(memory(browser, page))
    assert page.locator("#results > *").count() == 60
    context.close()
    before, after = used
    assert after["bitmaps"] == 0
    assert after["runtime"] == before["runtime"] > 0
    assert after["nodes"] <= before["nodes"] + 50
    assert after["process"] <= before["process"] + MOST_MORE_BYTES


def memory(browser: "Browser", page: "Page") -> dict[str, Any]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    nodes = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}["Nodes"]
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    resident = sum(resident_bytes(each["id"]) for each in processes if each["type"] == "renderer")
    return {**page.workers[0].evaluate(IN_WORKER), "nodes": nodes, "process": resident}


def resident_bytes(process: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(found[1]) << 10 if found else 0

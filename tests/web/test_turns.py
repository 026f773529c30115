"""Long work one after the other, and what ends it: a worker that fails, a model that does not answer."""

import base64
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.conftest import DONE, START_MS, choose, opened
from tests.web.test_measuring import drop, saved, verified
from tests.web.test_page import GIVE, given

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.release
SILENT = "globalThis.Worker = class { postMessage() {} terminate() {} }; 0"
"""Workers that are made from now on answer nothing."""
ENDLESS = "ANSWERS.look = () => new Promise(() => {}); 0"
ASKED = """
() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    globalThis.camera = stream.getTracks()[0];
    await new Promise((resolve) => { globalThis.allow = resolve; });
    return stream;
  };
}
"""
"""The camera is asked for until `allow` is called."""
OTHER_ANSWERS = """
ANSWERS.look = async () => ({
  logits: [[0, 1, 0], [1, 0, 0]], seen: { data: new Uint8Array(3), width: 1, height: 1 },
});
0
"""
ADDRESSES = """
const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
globalThis.addresses = [];
URL.createObjectURL = (blob) => {
  const address = make.call(URL, blob);
  addresses.push(address);
  return address;
};
URL.revokeObjectURL = (address) => {
  globalThis.addresses = addresses.filter((each) => each !== address);
  revoke.call(URL, address);
};
"""
CONTROLS = ("choose", "take", "live", "model", "folder", "bench")


def assert_alone(page: "Page", kind: str) -> None:
    assert page.inner_text("#turns") == f"A {kind} is running: other work waits."
    assert all(page.is_disabled(f"#{name}") for name in CONTROLS)


def until(page: "Page", condition: str) -> None:
    """Wait; Playwright's own waiting needs an eval, which the page's policy forbids."""
    page.evaluate(f"async () => {{ while (!({condition})) await new Promise((go) => setTimeout(go, 20)); }}")


def paste(page: "Page", picture: Path) -> None:
    page.evaluate(GIVE, ["paste", base64.b64encode(picture.read_bytes()).decode()])


def test_nothing_is_done_beside_a_benchmark(browser: "Browser", tiny_page: Path, labelled_photographs: Path) -> None:
    with opened(browser, tiny_page.as_uri(), permissions=["camera"]) as page:
        page.click("#live")
        page.wait_for_selector("#live-guesses li", timeout=START_MS)
        page.evaluate(SILENT)
        page.click("#bench")
        assert_alone(page, "benchmark")
        assert not page.is_visible("#camera")
        paste(page, next(labelled_photographs.glob("red/*.jpg")))
        assert page.inner_text("#turns") == "Not taken: a benchmark is running. One after the other."
        drop(page, [labelled_photographs])
        assert page.locator("#results > *, #verified > *").count() == 0


def test_one_folder_after_the_other(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        page.workers[0].evaluate(ENDLESS)
        page.set_input_files("#folder", labelled_photographs)
        page.wait_for_selector("#status:has-text('1 of 32')")
        assert_alone(page, "verification")
        drop(page, [labelled_photographs])
        page.wait_for_selector("#turns:has-text('Not taken: a verification is running')")
    with opened(browser, tiny_page.as_uri()) as page:
        assert verified(page, labelled_photographs, tmp_path / "found.json")["images"] == 32
        page.wait_for_selector("#bench:enabled")
        assert page.inner_text("#turns") == ""


def test_a_camera_that_is_allowed_too_late_stays_off(browser: "Browser", tiny_page: Path) -> None:
    with opened(browser, tiny_page.as_uri(), permissions=["camera"]) as page:
        page.evaluate(ASKED)
        page.click("#live")
        until(page, "globalThis.allow")
        page.evaluate(SILENT)
        page.click("#bench")
        page.evaluate("allow()")
        until(page, "camera.readyState === 'ended'")
        assert not page.is_visible("#camera")


def test_a_camera_that_is_taken_away_is_told(browser: "Browser", tiny_page: Path) -> None:
    with opened(browser, tiny_page.as_uri(), permissions=["camera"]) as page:
        page.click("#live")
        page.wait_for_selector("#live-guesses li", timeout=START_MS)
        page.evaluate("document.getElementById('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
        page.wait_for_selector("#rate:has-text('No live picture: the camera was taken away.')")
        page.click("#live")
        page.wait_for_selector("#rate:has-text('pictures a second')", timeout=START_MS)


def test_a_worker_that_fails_is_told_once_and_for_all(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(tiny_page.as_uri())
    page.wait_for_selector(DONE, timeout=START_MS)
    page.workers[0].evaluate("setTimeout(() => { throw new Error('it broke'); })")
    page.wait_for_selector("body[data-state=refused]")
    assert page.inner_text("#refusal") == "Reload this page: its worker failed: Uncaught Error: it broke."
    assert not page.is_visible("#classify")
    paste(page, next(labelled_photographs.glob("red/*.jpg")))
    page.wait_for_selector("#results .refusal", state="attached")  # and is not waited for without end
    assert page.get_attribute("body", "data-state") == "refused"
    context.close()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("throw new Error('Aborted(OOM)')", "there is not enough memory here (Aborted(OOM)): close other pages"),
        ("throw 1234567", "there is not enough memory here (the runtime failed: 1234567): close other pages"),
        ("throw new Error('no such operator')", "no such operator"),
    ],
)
def test_a_model_that_fails_ends_the_count(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, fault: str, told: str
) -> None:
    """Only pictures that are none are left out: of others the accuracy would be called that of all."""
    with opened(browser, tiny_page.as_uri()) as page:
        page.workers[0].evaluate(f"models[1].run = async () => {{ {fault}; }}; 0")
        page.set_input_files("#folder", labelled_photographs)
        page.wait_for_selector("#verified a")
        page.wait_for_selector("#status:has-text('Ready: nothing was verified.')")
        found = page.inner_text("#verified")
    assert f"0 pictures, stopped before the end: {told}" in found
    assert "(blå/00.jpg)" in found
    assert "left out" not in found


def test_a_browser_that_chooses_no_folders_is_told(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path
) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        page.evaluate("Object.defineProperty(File.prototype, 'webkitRelativePath', { get: () => '' })")
        page.set_input_files("#folder", labelled_photographs)
        page.wait_for_selector("#verified .refusal:has-text('this browser lets no folder be chosen: drop it')")


def test_more_flips_than_are_shown_are_counted(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        page.workers[0].evaluate(OTHER_ANSWERS)
        found = verified(page, labelled_photographs, tmp_path / "found.json")
        assert page.locator("#verified article").count() == 24
        assert "Of 26 pictures with another answer the first 24 are shown" in page.inner_text("#verified")
    assert len(found["flips"]) == 26


def test_a_pairing_that_empty_folders_would_change_is_doubted(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    """Of a folder that is dropped the empty ones are seen, of one that is chosen not."""
    for number, name in enumerate(("red", "green", "blå"), start=1):
        (tmp_path / "set" / str(number)).mkdir(parents=True)
        picture = next(labelled_photographs.glob(f"{name}/*.png"))
        (tmp_path / "set" / str(number) / "1.png").write_bytes(picture.read_bytes())
    with opened(browser, tiny_page.as_uri()) as page:
        assert verified(page, tmp_path / "set", tmp_path / "found.json")["paired_by"] == "indices from 1"
        assert "Browsers name no empty folders of one that is chosen" in page.inner_text("#verified")
        drop(page, [tmp_path / "set"])
        page.wait_for_selector("#status:has-text('verified')")
        page.wait_for_selector("#verified:not(:has-text('Browsers name no'))")
        assert saved(page, "#verified", tmp_path / "found.json")["paired_by"] == "indices from 1"
        (tmp_path / "set" / "0").mkdir()
        drop(page, [tmp_path / "set"])
        page.wait_for_selector("#verified .refusal")
        refusal = page.inner_text("#verified .refusal")
    assert "there are no images of 0" in refusal
    assert not refusal.endswith("..")


def test_a_picture_that_is_too_large_is_not_decoded(browser: "Browser", tiny_page: Path) -> None:
    header = b"IHDR" + struct.pack(">II5B", 20_000, 20_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    with opened(browser, tiny_page.as_uri()) as page:
        (found,) = choose(page, given("large.png", png))
    assert "20000 × 20000 pixels are 400 megapixels, at most 150 are decoded: scale it down first" in found


def test_addresses_of_what_is_no_longer_needed_are_given_back(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    context = browser.new_context()
    context.add_init_script(ADDRESSES)
    page = context.new_page()
    page.goto(tiny_page.as_uri())
    page.wait_for_selector(DONE, timeout=START_MS)
    assert page.evaluate("addresses") == []
    for _ in range(2):
        verified(page, labelled_photographs, tmp_path / "found.json")
    assert page.evaluate("addresses") == [page.get_attribute("#verified a", "href")]
    context.close()

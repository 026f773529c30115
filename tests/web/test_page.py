"""The page in Chromium, from the disk: its self-test, pictures, what it refuses, and what it looks like."""

import base64
import gzip
import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from PIL import Image

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.demo import evaluation_dir
from levit_edge.package.web.pack import folders_file
from levit_edge.package.web.page import write_page
from levit_edge.runtime.evaluation.predict import predict
from tests.conftest import Made
from tests.report.browser import CONTRAST, screenshot
from tests.web.conftest import choose, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.release
PERCENTAGE_POINTS = 0.6
"""Between the two builds of ONNX Runtime: a probability of an int8 model."""
LEAST_CONTRAST = 4.5
"""WCAG 2.2, criterion 1.4.3 (AA)."""
LARGEST_DEMO_PAGE = 6_500_000
PHONE = 360
GIVE = """
([way, content]) => {
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "given.jpg", { type: "image/jpeg" }));
  const event = way === "drop"
    ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
  document.getElementById("drop").dispatchEvent(event);
}
"""
"""Drops or pastes a picture."""


THROW = '() => { throw new RangeError("Array buffer allocation failed"); }'
SHORT_OF_MEMORY = {
    "pixels": f"OffscreenCanvasRenderingContext2D.prototype.getImageData = {THROW};",
    "runtime": f"WebAssembly.Memory = function () {{ ({THROW})(); }};",
    "files": f"Response.prototype.arrayBuffer = async {THROW};",
}
"""What fails, and how a worker is made to meet it."""


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


SMALL_PNG = png(np.zeros((2, 2, 3), np.uint8))


def given(name: str, content: bytes) -> dict[str, Any]:
    """A file for `choose`."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def guesses(result: str) -> dict[str, float]:
    """Class -> percent, where the page has them on lines of their own."""
    lines = result.splitlines()
    percents = [(place, re.fullmatch(r"([0-9.]+) %", line)) for place, line in enumerate(lines)]
    return {lines[place - 1]: float(match[1]) for place, match in percents if match}


def test_the_demos_pictures_are_what_predict_says(browser: "Browser", demo_page: Path, demo_bundle: Made) -> None:
    assert demo_page.stat().st_size <= LARGEST_DEMO_PAGE
    photographs = sorted(evaluation_dir().glob("*/*.jpg"))[::40]
    with opened(browser, demo_page.as_uri()) as page:
        assert page.inner_text("#tests").count("\n") == 1
        assert page.is_visible("#one")
        found = choose(page, *photographs)
    runtime = Runtime.ONNXRUNTIME
    expected = list(predict(Bundle.open(demo_bundle[0]), photographs, runtime=runtime, precision=Precision.INT8))
    assert len(found) == len(expected) == 3
    for text, prediction in zip(reversed(found), expected, strict=True):
        shown = guesses(text)
        for guess in prediction.guesses[:3]:
            assert shown[guess.label] == pytest.approx(100 * guess.probability, abs=PERCENTAGE_POINTS)
        assert next(iter(shown)) == prediction.guesses[0].label


def test_both_models_are_offered_and_used(browser: "Browser", tiny_page: Path, labelled_photographs: Path) -> None:
    photograph = sorted(labelled_photographs.glob("green/*.png"))[0]
    with opened(browser, tiny_page.as_uri()) as page:
        assert page.locator("#tests li.passed").count() == 3
        assert page.is_visible("#which")
        assert not page.is_visible("#one")
        int8 = guesses(choose(page, photograph)[0])
        page.select_option("#model", label="fp32")
        fp32 = guesses(choose(page, photograph)[0])
    assert set(int8) == set(fp32) == {"red", "green", "blå"}
    assert int8 != fp32


def test_a_turned_picture_is_what_predict_says_of_it(
    browser: "Browser", tiny_page: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    pixels = np.zeros((60, 40, 3), np.uint8)
    pixels[:20], pixels[20:40, :, 1], pixels[40:, :, 2] = (250, 0, 0), 200, 250
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "turned.jpg").write_bytes(jpeg(Image.fromarray(pixels), exif=exif, quality=95))
    with opened(browser, tiny_page.as_uri()) as page:
        (found,) = choose(page, tmp_path / "turned.jpg")
    assert "60 × 40, turned as its EXIF says" in found
    (expected,) = predict(Bundle.open(tiny_bundle), [tmp_path / "turned.jpg"])
    assert expected.turned
    for guess in expected.guesses:
        assert guesses(found)[guess.label] == pytest.approx(100 * guess.probability, abs=0.011)


def test_pictures_that_are_none_have_their_reasons(browser: "Browser", tiny_page: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3000, 4000, 3), np.uint8)
    whole = jpeg(Image.fromarray(noise[:300, :400]))
    names = "<img src=x onerror=alert(1)>.jpg"
    with opened(browser, tiny_page.as_uri()) as page:
        found = choose(
            page,
            given("empty.jpg", b""),
            given("text.jpg", b"no picture"),
            given("cut.jpg", whole[:100]),
            given("long.png", png(np.zeros((10, 30_000, 3), np.uint8))),
            given("dot.png", png(np.full((1, 1, 3), 255, np.uint8))),
            given("large.jpg", jpeg(Image.fromarray(noise))),
            given(names, whole),
        )
        assert page.locator("#results img").count() == 0
        read = len([text for text in found if guesses(text)])
        assert page.inner_text("#status") == f"Ready: {read} of 7 pictures classified."
        assert len([text for text in found if "int8 · " in text]) == read
    reasons = dict(zip(("name", "large", "dot", "long", "cut", "text", "empty"), found, strict=True))
    assert reasons["empty"].endswith("an empty file.")
    assert "cannot decode it" in reasons["text"]
    assert "cannot decode it" in reasons["cut"]
    assert "30000 × 10 pixels are too elongated" in reasons["long"] or guesses(reasons["long"])
    assert "1 × 1" in reasons["dot"]
    assert "4000 × 3000" in reasons["large"]
    assert reasons["name"].startswith(names)


def test_pictures_are_dropped_and_pasted(browser: "Browser", tiny_page: Path, labelled_photographs: Path) -> None:
    content = base64.b64encode(sorted(labelled_photographs.glob("green/*.jpg"))[0].read_bytes()).decode()
    with opened(browser, tiny_page.as_uri()) as page:
        for place, way in enumerate(("drop", "paste"), 1):
            page.evaluate(GIVE, [way, content])
            page.wait_for_selector(f"#results > .result:nth-child({place})", timeout=60_000)
            assert set(guesses(page.locator("#results > .result").first.inner_text())) == {"red", "green", "blå"}


def test_hostile_names_of_classes_are_text(
    browser: "Browser", tiny_files: Mapping[str, bytes], labelled_photographs: Path, tmp_path: Path
) -> None:
    hostile = ("<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "__proto__")
    others = {"labels.txt": "\n".join(hostile).encode(), "folders.json": folders_file(hostile)}
    document = json.loads(tiny_files["model.json"])
    for name, content in others.items():
        document["files"][name] = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    files = {**tiny_files, **others, "model.json": json.dumps(document).encode()}
    (tmp_path / "hostile.html").write_bytes(write_page(files, hostile[0]))
    for place, name in enumerate(("red", "green", "blå")):
        folder = tmp_path / "pictures" / ("__proto__" if place == 2 else f"<b>{place}")
        folder.mkdir(parents=True)
        (folder / "1.jpg").write_bytes(sorted(labelled_photographs.glob(f"{name}/*.jpg"))[0].read_bytes())
    with opened(browser, (tmp_path / "hostile.html").as_uri()) as page:
        (found,) = choose(page, sorted(labelled_photographs.glob("red/*.jpg"))[0])
        assert set(guesses(found)) == set(hostile)
        page.set_input_files("#folder", tmp_path / "pictures")
        page.wait_for_selector("#verified .refusal")
        assert "these folders are not among the model's classes: <b>0, <b>1" in page.inner_text("#verified")
        assert page.locator("#results img, #verified b").count() == 0


def changed(page: bytes, name: str, edit: Any) -> bytes:
    """The page with a file edited, and the hash in its element made right."""
    element = re.search(rb'data-file="%b" data-sha256="([0-9a-f]{64})">([^<]*)<' % name.encode(), page)
    assert element is not None
    data = edit(gzip.decompress(base64.b64decode(element[2])))
    page = page.replace(element[2], base64.b64encode(gzip.compress(data, mtime=0)))
    return page.replace(element[1], hashlib.sha256(data).hexdigest().encode())


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("name", "edit", "reason"),
    [
        ("model.onnx", flipped, "model.onnx is damaged or was changed"),
        ("labels.txt", flipped, "labels.txt is damaged or was changed"),
        ("ort-wasm-simd-threaded.wasm", flipped, "ort-wasm-simd-threaded.wasm is damaged or was changed"),
        ("model.json", lambda data: data.replace(b'"web"', b'"board"'), "is of version 1 for board"),
        ("model.json", lambda data: data[:-9], "model.json is not JSON"),
    ],
)
def test_a_changed_page_classifies_nothing(
    browser: "Browser", tiny_page: Path, tmp_path: Path, name: str, edit: Any, reason: str
) -> None:
    (tmp_path / "changed.html").write_bytes(changed(tiny_page.read_bytes(), name, edit))
    assert_refused(browser, tmp_path / "changed.html", reason)


def test_a_damaged_page_classifies_nothing(browser: "Browser", tiny_page: Path, tmp_path: Path) -> None:
    damaged = tiny_page.read_bytes()
    element = re.search(rb'data-file="model.json" data-sha256="([0-9a-f]{64})"', damaged)
    assert element is not None
    (tmp_path / "damaged.html").write_bytes(damaged.replace(element[1], b"0" * 64))
    assert_refused(browser, tmp_path / "damaged.html", "model.json is damaged or was changed")


def test_a_model_that_computes_something_else_classifies_nothing(
    browser: "Browser", tiny_files: Mapping[str, bytes], tmp_path: Path
) -> None:
    """Golden outputs with right hashes that are not the model's."""
    name, document = "golden_output.onnx.f32", tiny_files["model.json"]
    other = (np.frombuffer(tiny_files[name], "<f4") * np.float32(1.5)).tobytes()
    old, new = (hashlib.sha256(data).hexdigest().encode() for data in (tiny_files[name], other))
    files = {**tiny_files, name: other, "model.json": document.replace(old, new)}
    (tmp_path / "other.html").write_bytes(write_page(files, "other"))
    assert_refused(
        browser, tmp_path / "other.html", "model.onnx does not compute here what it computed where it was made"
    )


def assert_refused(browser: "Browser", path: Path, reason: str) -> None:
    with opened(browser, path.as_uri()) as page:
        assert reason in page.inner_text("#refusal")
        assert not page.is_visible("#classify")


@pytest.mark.parametrize("short", [*SHORT_OF_MEMORY])
def test_too_little_memory_is_told_as_such(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, tmp_path: Path, short: str
) -> None:
    """By failures put in the worker's way: where a browser that is really short of it fails is chance."""
    strict = b'id="worker">"use strict";'
    whole = tiny_page.read_bytes()
    assert whole.count(strict) == 1
    (tmp_path / "short.html").write_bytes(whole.replace(strict, strict + SHORT_OF_MEMORY[short].encode()))
    with opened(browser, (tmp_path / "short.html").as_uri()) as page:
        if short == "pixels":
            assert "there is not enough memory for 2 × 2 pixels here" in choose(page, given("a.png", SMALL_PNG))[0]
            page.set_input_files("#folder", labelled_photographs)
            page.wait_for_selector("#verified a")
            assert "0 pictures, stopped before the end: there is not enough memory" in page.inner_text("#verified")
        else:
            assert re.search(r"there is not enough memory here \(.*\): close other pages", page.inner_text("#refusal"))
            assert not page.is_visible("#classify")


@pytest.mark.parametrize("lacking", ["DecompressionStream", "OffscreenCanvas", "WebAssembly"])
def test_what_a_browser_lacks_is_named(browser: "Browser", tiny_page: Path, lacking: str) -> None:
    context = browser.new_context()
    context.add_init_script(f"delete globalThis.{lacking}")
    page = context.new_page()
    page.goto(tiny_page.as_uri())
    page.wait_for_selector("body[data-state=refused]")
    assert f"This browser lacks {lacking}" in page.inner_text("#refusal")
    context.close()


def test_it_is_readable_and_as_wide_as_a_phone(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    with opened(browser, tiny_page.as_uri(), bypass_csp=True) as page:
        photograph = sorted(labelled_photographs.glob("red/*.jpg"))[0]
        choose(page, given(photograph.name, photograph.read_bytes()), given("w" * 200 + ".jpg", b"x"))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        schemes: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            ratio, text = page.evaluate(CONTRAST)[0]
            assert ratio >= LEAST_CONTRAST, text
            assert len(np.unique(screenshot(page, tmp_path / f"{scheme}.png"))) > 100


def test_all_is_reached_by_keyboard_and_has_a_name(browser: "Browser", tiny_page: Path) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        names = []
        for _ in range(8):
            page.keyboard.press("Tab")
            names.append(page.locator(":focus").get_attribute("id") or page.locator(":focus").inner_text())
        assert names == ["choose", "take", "live", "model", "folder", "device", "bench", "Licences"]
        for label in ("Choose pictures", "Take one", "Model", "Choose a folder", "This device"):
            assert page.get_by_label(label).count() == 1
        assert page.get_by_role("status").inner_text() == "Ready."

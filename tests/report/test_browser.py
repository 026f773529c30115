"""The pages as a reader has them: in a browser, by day and by night, on a phone, on paper."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import Recipe
from levit_edge.report.boards_page import boards_page
from levit_edge.report.bundle_page import bundle_page
from levit_edge.report.report_data import ReportData
from levit_edge.sweep.outcome.page import sweep_page
from levit_edge.sweep.outcome.results import SweepResults, TaskCounts
from levit_edge.sweep.plan import Calibration, Evaluation
from tests.board.example import MEASUREMENT, PI_5, measured
from tests.report.browser import CONTRAST, opened, screenshot
from tests.report.example import report_bundle
from tests.sweep.example import candidate, plan, sweep, swept

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.release
LEAST_CONTRAST = 4.5
"""WCAG 2.2, criterion 1.4.3 (AA), for text of ordinary size."""
PHONE = 360
"""Pixels of CSS that the narrowest common phones are wide."""
HOSTILE = (
    "<script>hacked = 1</script>",
    '"><img src=x onerror="hacked = 1">',
    "]]><svg onload='hacked = 1'> {{ 7 * 7 }} {% raw %} </style></table>" + "w" * 200,
)
BOXES = """
() => [...document.querySelectorAll("section, header, .headline > div, figure, table, .flip")].map((part) => {
  const box = part.getBoundingClientRect();
  return [part.outerHTML.slice(0, 60), box.x, box.y, box.width, box.height];
})
"""
ACTIVE = (
    "script, iframe, object, embed, link, base, form, svg script, foreignObject, a:not([href^='#']), [onerror],"
    " [onload], [onclick]"
)
PAGES = ("bundle", "compared", "old", "boards", "sweep", "hostile", "hostile sweep")


@pytest.fixture(scope="module")
def pages(
    recorded: Bundle, tiny_bundle: Path, labelled_photographs: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """One file for each of `PAGES`."""
    folder = tmp_path_factory.mktemp("pages")
    copy = Bundle.open(shutil.copytree(recorded.path, folder / "copy"))
    nasty = measured(device=replace(PI_5, model=HOSTILE[0], system=HOSTILE[1]), findings=HOSTILE)

    def hostile(manifest: Manifest, report_data: ReportData) -> tuple[Manifest, ReportData]:
        assert report_data.flips is not None
        shown = tuple(replace(image, file=HOSTILE[2]) for image in report_data.flips.shown)
        images = replace(manifest.calibration, source=HOSTILE[0], skipped=HOSTILE)
        manifest = replace(
            manifest,
            recipe=Recipe(dynamic_layers=HOSTILE),
            checkpoint=replace(manifest.checkpoint, source=HOSTILE[1], format=HOSTILE[2]),
            calibration=images,
            verification=replace(manifest.verification, images=images, runtimes={HOSTILE[0]: HOSTILE[1]}),
            tools={HOSTILE[2]: HOSTILE[0]},
            created_utc=HOSTILE[1],
        )
        return manifest, replace(report_data, flips=replace(report_data.flips, shown=shown), latency=nasty)

    bad = report_bundle(folder / "bad", tiny_bundle, labelled_photographs, labels=HOSTILE, change=hostile)
    written = {
        "bundle": bundle_page(recorded, measurements=[MEASUREMENT]),
        "compared": bundle_page(recorded, others=[copy, Bundle.open(tiny_bundle)]),
        "old": bundle_page(Bundle.open(tiny_bundle)),
        "boards": boards_page([MEASUREMENT], comparison_rows([MEASUREMENT])),
        "sweep": sweep_page(sweep(2, 5)),
        "hostile": bundle_page(bad, others=[recorded], measurements=[nasty]),
        "hostile sweep": sweep_page(hostile_sweep()),
    }
    for name, html in written.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in written}


def hostile_sweep() -> SweepResults:
    """Every text of a sweep that may come from elsewhere."""
    names = dict(zip(HOSTILE, HOSTILE[1:] + HOSTILE[:1], strict=True))
    made = candidate(HOSTILE[0], HOSTILE[1], source=HOSTILE[2], problems=HOSTILE, size=HOSTILE[0])
    assert made.verification is not None
    images = replace(made.verification.images, source=HOSTILE[1], sha256=HOSTILE[2], skipped=HOSTILE)
    artifacts = tuple(replace(each, file=f"{each.precision}{HOSTILE[0]}") for each in made.artifacts)
    verification = replace(made.verification, images=images, host=names, runtimes=names)
    bad = replace(made, artifacts=artifacts, verification=verification, checkpoint_sha256=HOSTILE[2], latency={})
    others = [candidate(name, HOSTILE[1], times_ms=None) for name in HOSTILE[1:]]
    of = plan(("static",), calibration=Calibration(images=HOSTILE[0]), evaluation=Evaluation(images=HOSTILE[1]))
    return swept(
        [bad, *others],
        replace(of, recipes={"static": Recipe(float_layers=HOSTILE)}),
        environment=names,
        engine=HOSTILE[2],
        created_utc=HOSTILE[0],
        levit_edge_version=HOSTILE[1],
        tasks={HOSTILE[2]: TaskCounts(done=1)},
        device=replace(PI_5, model=HOSTILE[0], system=HOSTILE[1], architecture=HOSTILE[2]),
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_text_is_readable(browser: "Browser", pages: dict[str, Path], name: str, scheme: str) -> None:
    with opened(browser, pages[name], scheme=scheme) as page:
        contrasts = page.evaluate(CONTRAST)
        assert len(contrasts) > 20
        assert contrasts[0][0] >= LEAST_CONTRAST, contrasts[:5]
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(re.findall(r"\d+", paper)[0]) < 60) == (scheme == "dark")


@pytest.mark.parametrize("width", [PHONE, 768, 1600])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_its_window(browser: "Browser", pages: dict[str, Path], name: str, width: int) -> None:
    with opened(browser, pages[name], width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('p')).fontSize)")
        assert size >= 14


@pytest.mark.parametrize("width", [PHONE, 1200])
@pytest.mark.parametrize("name", ["bundle", "compared", "old", "boards", "sweep"])
def test_every_part_can_be_seen(
    browser: "Browser", pages: dict[str, Path], name: str, width: int, tmp_path: Path
) -> None:
    with opened(browser, pages[name], width=width) as page:
        pixels = screenshot(page, tmp_path / f"{name}-{width}.png")
        boxes = page.evaluate(BOXES)
        assert len(boxes) >= (2 if name == "boards" else 10)
        for part, left, top, wide, high in boxes:
            assert wide > 50, part
            assert high > 10, part
            seen = pixels[round(top) : round(top + high), round(left) : round(left + wide)]
            colours, counts = np.unique(seen, return_counts=True)
            assert len(colours) > 5, part
            assert counts.max() < 0.995 * seen.size, part


def test_the_images_that_flipped_are_shown(browser: "Browser", pages: dict[str, Path]) -> None:
    with opened(browser, pages["bundle"]) as page:
        widths = page.locator(".flip img").evaluate_all("images => images.map(image => image.naturalWidth)")
        assert widths
        assert set(widths) == {112}


@pytest.mark.parametrize("name", PAGES)
def test_it_prints_on_white_paper(browser: "Browser", pages: dict[str, Path], name: str, tmp_path: Path) -> None:
    with opened(browser, pages[name], scheme="dark") as page:
        page.emulate_media(media="print")
        ink = page.evaluate("getComputedStyle(document.body).color")
        assert max(map(int, re.findall(r"\d+", ink)[:3])) < 80
        document = page.pdf(path=tmp_path / f"{name}.pdf", format="A4")
        assert document.startswith(b"%PDF")
        assert len(re.findall(rb"/Type\s*/Page\b", document)) >= 1


def test_on_paper_nothing_is_folded_away(browser: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(sweep_page(sweep(4, 2)), encoding="utf-8")
    with opened(browser, path) as page:
        heights = "[...document.querySelectorAll('details')].map((each) => each.getBoundingClientRect().height)"
        assert max(page.evaluate(heights)) < 100
        page.emulate_media(media="print")
        assert min(page.evaluate(heights)) > 200


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("name", ["hostile", "hostile sweep"])
def test_hostile_names_are_text(
    browser: "Browser", pages: dict[str, Path], name: str, protected: bool, tmp_path: Path
) -> None:
    html = pages[name].read_text(encoding="utf-8")
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    assert bare != html
    path = tmp_path / "page.html"
    path.write_text(html if protected else bare, encoding="utf-8")
    with opened(browser, path) as page:
        assert page.evaluate("typeof hacked") == "undefined"
        assert page.locator(ACTIVE).count() == 0
        assert page.evaluate("[...document.images].every(image => image.src.startsWith('data:image/jpeg;base64,'))")
        seen = page.inner_text("body")
        for each in HOSTILE:
            assert each in seen, each


def test_this_would_have_seen_it(browser: "Browser", pages: dict[str, Path], tmp_path: Path) -> None:
    html = re.sub(r"<meta http-equiv=[^>]*>", "", pages["bundle"].read_text(encoding="utf-8"))
    bad = '<img src="http://127.0.0.1:9/x.png"><script>console.error("oh"); throw new Error("no")</script>'
    path = tmp_path / "page.html"
    path.write_text(html.replace("</body>", f"{bad}</body>"), encoding="utf-8")
    with pytest.raises(AssertionError) as failure, opened(browser, path):
        pass
    for problem in ("a request: http://127.0.0.1:9/x.png", "an exception: no", "on the console: error: oh"):
        assert problem in str(failure.value)

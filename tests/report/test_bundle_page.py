import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from levit_edge.bundle.kinds import GateOn, Precision
from levit_edge.bundle.manifest import EMBEDDED, AmongPresent, Gate, ImageProvenance, Manifest, Move, SearchRecord
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import LayerScheme
from levit_edge.data.classes import PairingRecord, PairingRule
from levit_edge.data.image_tables import ImageTables, TableFile
from levit_edge.report.bundle_page import bundle_page
from levit_edge.report.page import number
from levit_edge.report.report_data import ReportData, read_report_data
from levit_edge.system.progress import StageRecord
from levit_edge.text import counted
from tests.board.example import MEASUREMENT, measured
from tests.conftest import DEMO_SHA256
from tests.report.example import report_bundle

SECTIONS = ("next", "accuracy", "latency", "layers", "flips", "provenance", "work", "reproduce")


def changed(bundle: Bundle, **changes: Any) -> Bundle:
    return Bundle(bundle.path, replace(bundle.manifest, **changes))


def text(html: str) -> str:
    """What a reader sees, on one line."""
    body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").split())


def test_everything_recorded_is_on_the_page(recorded: Bundle) -> None:
    html = bundle_page(recorded)
    report_data, manifest = read_report_data(recorded), recorded.manifest
    assert report_data is not None
    assert report_data.flips is not None
    assert re.findall(r'<section id="(\w+)"', html) == list(SECTIONS)
    assert html.count("data:image/jpeg;base64,") == len(report_data.flips.shown) > 0
    assert html.count("<svg") == 2
    seen = text(html)
    int8 = manifest.verification.results[1]
    for expected in (
        f"{number(int8.top1)} {number(int8.top5)} {number(int8.drop_pt, sign='+')}",
        f"{report_data.flips.images} of {manifest.verification.samples} images in at least one file",
        "× 2.10 (2.00 … 2.20)",
        "8.00 8.80 9.60 7.20 125",
        "blocks.0.proj",
        "blå",
        manifest.checkpoint.sha256,
        manifest.files["int8.onnx"],
        f"preprocessing {manifest.preprocessing}",
        "onnx 1",
        "verify 1.5 1",
        "1 dynamic, 1 float, 2 static",
        "levit-edge quantize --model demo",
        "levit-edge verify BUNDLE --evaluation val",
    ):
        assert expected in seen, expected
    assert "Not recorded" not in seen


def test_the_file_with_float16_has_its_size_and_drop_beside_the_others(recorded: Bundle) -> None:
    manifest = recorded.manifest
    *_, int8 = manifest.artifacts
    half = replace(int8, file="int8-f16.onnx", precision=Precision.INT8_FLOAT16, size_bytes=1)
    *results, result = manifest.verification.results
    more = replace(result, artifact=half.file, precision=half.precision, drop_pt=0.25, drop_ci95_pt=(-1.0, 1.5))
    verification = replace(
        manifest.verification, results=(*results, result, more), not_run={"int8-f16.pte": "it computes in float16"}
    )
    files = manifest.files | {half.file: half.sha256}
    seen = text(
        bundle_page(changed(recorded, artifacts=(*manifest.artifacts, half), files=files, verification=verification))
    )
    meant = f"{counted(verification.samples, 'image')} cannot tell a drop of 0.25 points from none, or from 1.50"
    assert f"int8-f16.onnx: 0.25, 95 % −1.00 … +1.50: {meant}" in seen
    assert re.search(r"int8-f16\.onnx: [1-9][0-9.]+ × smaller than fp32", seen)
    assert seen.count("× 2.10 (2.00 … 2.20)") == 1
    assert "Not run: it computes in float16." in seen


def test_an_old_bundle_says_what_is_not_recorded(tiny_bundle: Path) -> None:
    html = bundle_page(Bundle.open(tiny_bundle))
    assert re.findall(r'<section id="(\w+)"', html) == list(SECTIONS)
    assert text(html).count("Not recorded") == 3


def test_the_same_bundle_gives_the_same_page(recorded: Bundle) -> None:
    assert bundle_page(recorded) == bundle_page(Bundle.open(recorded.path))


def test_measurements_of_boards_are_added_and_strangers_named(recorded: Bundle) -> None:
    html = bundle_page(recorded, measurements=[MEASUREMENT, measured(findings=("It was hot.",))])
    assert "On boards" in html
    assert "It was hot." in html
    assert "2 of 2 were made with other files than this bundle" in text(html)


def test_caveats_stand_where_they_apply(recorded: Bundle) -> None:
    manifest = recorded.manifest
    config = replace(manifest.config, name="128S")
    embedded = ImageProvenance(source=EMBEDDED, count=150, sha256="1" * 64, skipped=("bad.jpg",))
    unlabelled = replace(manifest.verification, labelled=False, images=embedded)
    seen = text(bundle_page(changed(recorded, config=config, calibration=embedded, verification=unlabelled)))
    for caveat in ("embedded photographs of clothing", "no labels", "calibration images themselves", "left out"):
        assert caveat in seen, caveat
    assert "embedded demo" not in seen
    assert "embedded demo" not in text(bundle_page(recorded))  # of its shape only
    checkpoint = replace(manifest.checkpoint, sha256=DEMO_SHA256)
    assert "embedded demo" in text(bundle_page(changed(recorded, checkpoint=checkpoint)))


def test_few_images_are_warned_of_beside_the_drop(recorded: Bundle) -> None:
    html = bundle_page(recorded)
    said = "Few images: one of 32 is 3.12 points"
    assert html.count(said) == 1
    assert html.index("Drop in top-1") < html.index(said) < html.index("Speed-up over fp32")
    many = replace(recorded.manifest.verification, samples=1000)
    assert "Few images" not in bundle_page(changed(recorded, verification=many))


def test_the_contents_lead_to_every_section(recorded: Bundle) -> None:
    for html in (bundle_page(recorded), bundle_page(recorded, others=[changed(recorded, search=None)])):
        assert re.findall(r'<a href="#(\w+)">', html) == re.findall(r'<section id="(\w+)"', html)


def test_the_charts_of_layers_are_folded_and_their_worst_named(recorded: Bundle) -> None:
    html = bundle_page(recorded)
    assert html.index("<details>") < html.index("<svg") < html.rindex("<svg") < html.index("</details>")
    assert "The noisiest: stem.conv1 30.0 dB, blocks.0.q 31.0 dB, blocks.0.proj 32.0 dB." in text(html)


def test_charts_have_the_pages_typeface_and_one_size(recorded: Bundle) -> None:
    html = bundle_page(recorded)
    assert "svg text { font-family: inherit !important; }" in html
    assert set(re.findall(r"font(?:-size)?: ([\d.]+)px", html)) == {"9.75"}, "of a point each: 13 pixels"


def test_what_was_told_of_the_checkpoint_is_on_the_page(recorded: Bundle) -> None:
    said = "a.pth: the file does not say what head.<0> in front of it computes."
    assert escape(said) in bundle_page(changed(recorded, warnings=(said,)))


def test_a_failed_gate_and_budget_are_marked(recorded: Bundle) -> None:
    images = ImageProvenance(source="val", count=20, sha256="0" * 64)
    search = SearchRecord(
        max_drop_pt=0.5, images=images, trials=(), moves=(Move(layer="head", scheme=LayerScheme.FLOAT),), held=False
    )
    verification = replace(recorded.manifest.verification, gate=Gate(max_drop_pt=0.5, passed=False))
    seen = text(bundle_page(changed(recorded, search=search, verification=verification)))
    assert "Accuracy gate failed: the drop is more than 0.5 points" in seen
    assert "Not kept on 20 other images" in seen
    assert "head float" in seen


def test_no_thumbnails_still_tells_what_flipped(tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path) -> None:
    def without(manifest: Manifest, report_data: ReportData) -> tuple[Manifest, ReportData]:
        assert report_data.flips is not None
        shown = tuple(replace(image, thumbnail=None) for image in report_data.flips.shown)
        return manifest, replace(report_data, flips=replace(report_data.flips, shown=shown), latency=None)

    html = bundle_page(report_bundle(tmp_path / "bundle", tiny_bundle, labelled_photographs, change=without))
    assert "data:image" not in html
    assert html.count('<article class="flip">') > 0
    assert "Not recorded. levit-edge bench" in text(html)


@pytest.mark.parametrize("value", [10**4000, float("inf"), float("nan"), -(10**400)])
def test_numbers_that_cannot_be_are_dashes(recorded: Bundle, value: Any) -> None:
    results = tuple(
        replace(each, size_bytes=value, top1=value, drop_pt=value, drop_ci95_pt=(value, value), flips_lost=1)
        for each in recorded.manifest.verification.results
    )
    stages = (StageRecord(name="verify", seconds=1.0, peak_rss_bytes=value),)
    verification = replace(recorded.manifest.verification, results=results)
    assert "</html>" in bundle_page(changed(recorded, verification=verification, stages=stages))
    assert number(value) == "–"


@pytest.mark.parametrize(("load", "said"), [(4.4, False), (10.2, True), (None, False)])
def test_a_speed_up_that_others_slowed_says_so_in_the_headline(
    recorded: Bundle, monkeypatch: pytest.MonkeyPatch, load: float | None, said: bool
) -> None:
    """Four cores may have had four of the load from the quantization itself."""
    data = read_report_data(recorded)
    assert data is not None
    assert data.latency is not None
    slowed = replace(data.latency, before=replace(data.latency.before, load_average=load))
    monkeypatch.setattr("levit_edge.report.bundles.read_report_data", lambda _bundle: replace(data, latency=slowed))
    headline = bundle_page(recorded).partition('id="headline"')[2].partition("<section")[0]
    assert ("Not to be relied on: slowed by other programs (load average 10.2 on 4 cores)" in headline) is said


def test_numbers_have_true_signs_and_no_negative_zero() -> None:
    assert [number(value) for value in (-0.001, 1.005, -2, None)] == ["0.00", "1.00", "−2.00", "–"]
    assert number(0.25, 1, sign="+") == "+0.2"


def test_whose_word_the_figures_rest_on_is_named(recorded: Bundle) -> None:
    verification, manifest = recorded.manifest.verification, recorded.manifest
    tables = ImageTables(
        classes=TableFile(path="my <classes>.csv", sha256="c" * 64), devkit=TableFile(path="kit", sha256=None)
    )
    listed = ImageTables(only=TableFile(path="list.txt", sha256="d" * 64))
    files = [artifact.file for artifact in manifest.artifacts]
    told = changed(
        recorded,
        checkpoint=replace(manifest.checkpoint, entry="model_ema", other_entries=("model", "<b>")),
        calibration=replace(manifest.calibration, tables=listed),
        preprocessing_origin="the options",
        verification=replace(
            verification,
            images=replace(verification.images, tables=tables),
            classes=PairingRecord(rule=PairingRule.TABLE, labels=2, outputs=3),
            among_present=AmongPresent(classes=2, top1=dict.fromkeys(files, 91.25)),
            poor_fp32="fp32 is right on 11.70 % <of> images",
            gate=Gate(max_drop_pt=0.5, passed=True, on=GateOn.INTERVAL, allow_poor_fp32=True),
        ),
    )
    html = bundle_page(told)
    seen = text(html)
    top1 = number(verification.results[0].top1)
    for expected in (
        "entry model_ema ; it also holds model , &lt;b&gt;",
        "2 of 3 classes, paired by the table of classes",
        f"classes by my &lt;classes&gt;.csv {'c' * 64}",
        "labels by kit",
        f"only those of list.txt {'d' * 64}",
        "; from the options",
        "top-1 among 2 classes, %",
        f"{top1} 91.25",
        "of the network's 3",
        "Gate: the upper end of the drop's 95 % interval is at most 0.5 points",
        "an fp32 whose own accuracy cannot be right is allowed",
    ):
        assert expected in seen, expected
    assert '<p class="notice failed">fp32 is right on 11.70 % &lt;of&gt; images</p>' in html
    assert seen.index("fp32 is right on") < seen.index("Size")
    beside = text(bundle_page(recorded, others=[told]))
    assert f"{top1} – " in beside
    assert f"{top1} 91.25" in beside
    assert "among" not in text(bundle_page(recorded))

"""The comparison as Markdown: every row, and each table where the page wants it."""

from dataclasses import replace

import pytest

from benchmarks.accuracy_table import LABELS, markdown, ours, overview, tables, with_tables
from benchmarks.quantizers import PEERS
from benchmarks.results import Comparison, Row, Taken
from benchmarks.speed.contender import Engine
from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.preprocess import Preprocessing

IMAGES = ImageProvenance(source="val", count=1960, sha256="0" * 64)
TAKEN = Taken(
    command="python -m benchmarks.accuracy",
    created_utc="2026-11-29T01:00:00+00:00",
    processor="A processor",
    versions={"torch": "2.13.0"},
)
OURS = Row(
    name="ours int8.pte",
    runtime=Engine.EXECUTORCH,
    taken=replace(TAKEN, commit="abc1234", created_utc="2026-11-30T01:00:00+00:00", versions={"torch": "2.14.0"}),
    fp32_top1=77.5,
    top1=77.449,
    drop_pt=0.051,
    drop_ci95_pt=(-0.281, 0.383),
    flips_lost=5,
    flips_gained=4,
    agreement=99.44,
    sqnr_db=37.04,
    size_bytes=9125800,
    seconds=61.4,
    calibration_images=256,
)
THEIRS = replace(OURS, name="torchao", taken=TAKEN, drop_pt=-0.255, drop_ci95_pt=(-0.88, 0.37), top1=77.755)
FAILED = Row(name="nncf", runtime=Engine.EXECUTORCH, taken=TAKEN, note="not installed: nncf")
LINE = "| 77.45 % | 0.05 (−0.28 … +0.38) | 99.44 % | 37.0 dB | 9,125,800 | 61 |"


@pytest.fixture
def found(small: Preprocessing) -> Comparison:
    return Comparison(
        caveat="",
        command="",
        created_utc="",
        host={},
        versions={},
        model="LeViT-128S",
        classes=10,
        checkpoint_sha256="0" * 64,
        preprocessing=small,
        calibration=replace(IMAGES, count=256),
        evaluation=IMAGES,
        rows=(OURS, THEIRS, FAILED),
    )


def test_every_quantizer_has_a_name_for_readers() -> None:
    assert set(LABELS) == {each.name for each in PEERS}


def test_everybody_is_in_the_table(found: Comparison) -> None:
    circumstances, _, _, _, ours_line, theirs, _, failed = markdown(found).splitlines()
    assert ours_line == f"| **levit-edge `int8.pte`** | ExecuTorch {LINE}"
    assert theirs.startswith(
        "| torchao `prepare_pt2e` + `XNNPACKQuantizer` | ExecuTorch | 77.75 % | −0.26 (−0.88 … +0.37)"
    )
    assert failed == "* `nncf.quantize_pt2e` + `XNNPACKQuantizer`: not installed: nncf"
    for said in (
        "LeViT-128S",
        "77.50 % on 1,960 images",
        "256 calibration",
        "abc1234",
        "A processor",
        "torch 2.14.0, ",
    ):
        assert said in circumstances
    assert "2026-11-29 and 2026-11-30" in circumstances, "rows of several days are told"


def test_our_own_files_have_a_table_with_flips(found: Comparison) -> None:
    *_, line = ours([found]).splitlines()
    figures = "0.05 pt (−0.28 … +0.38): 5 lost, 4 gained | 99.44 % | 37.0 dB |"
    assert line == f"| LeViT-128S | `int8.pte` | 77.45 % (77.50 %) | {figures}"


def test_the_overview_has_the_default_files(found: Comparison) -> None:
    *_, line = overview([found]).splitlines()
    figures = "77.50 % | 77.45 % | 0.05 pt (−0.28 … +0.38) | 99.44 % |"
    assert line == f"| LeViT-128S stand-in | 1,960 | `.pte` | {figures}"


def test_tables_are_put_where_the_page_wants_them() -> None:
    page = "a\n\n" + "\n\n".join(
        f"<!-- accuracy: {name} -->\n\n{what}\n\n<!-- end -->"
        for name, what in (("ours", "old\n\nold"), ("other", "b"))
    )
    assert with_tables(page, {"ours": "new"}) == page.replace("old\n\nold", "new")


def test_without_figures_pages_keep_what_they_have() -> None:
    page = "<!-- accuracy: overview -->\n\n| a table |\n\n<!-- end -->"
    assert with_tables(page, tables([])) == page

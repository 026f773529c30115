import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from levit_edge.bundle.kinds import GateOn
from levit_edge.bundle.manifest import Gate, Manifest
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import Scheme
from levit_edge.data.classes import PairingRecord, PairingRule
from levit_edge.data.image_tables import ImageTables, TableFile
from levit_edge.report.bundle_page import bundle_page
from levit_edge.report.bundles import BundleComparison, compare, open_all
from levit_edge.report.report_data import ReportData
from tests.board.example import PI_5
from tests.report.example import Change, report_bundle

Other = Callable[[Change], Bundle]


@pytest.fixture
def other(tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path) -> Other:
    """A second bundle with a change."""
    return lambda change: report_bundle(tmp_path / "theirs", tiny_bundle, labelled_photographs, change=change)


def compared(*bundles: Bundle) -> BundleComparison:
    return compare(open_all(bundles))


def test_a_bundle_does_not_differ_from_its_copy(recorded: Bundle, tmp_path: Path) -> None:
    copy = Bundle.open(shutil.copytree(recorded.path, tmp_path / "copy"))
    both = compared(recorded, copy)
    assert (both.warnings, both.differences) == ((), ())
    assert [name for name, _ in both.timed] == ["mine", "copy"]
    assert "Nothing: the same checkpoint" in bundle_page(recorded, others=[copy])


def test_identical_bundles_are_told_as_such(recorded: Bundle, tmp_path: Path) -> None:
    copy = Bundle.open(shutil.copytree(recorded.path, tmp_path / "copy"))
    both = compared(recorded, copy)
    assert both.identical[0].startswith("mine and copy are identical: every model file has the same SHA-256.")
    assert both.identical[0] in bundle_page(recorded, others=[copy])

    mine, theirs = open_all([recorded, copy])
    files = (*mine.manifest.artifacts[:-1], replace(mine.manifest.artifacts[-1], sha256="0" * 64))
    another = replace(theirs, name="another", manifest=replace(theirs.manifest, artifacts=files))
    assert compare([mine, another]).identical == ()
    assert len(compare([mine, another, theirs]).identical) == 1


def test_folders_of_one_name_are_told_apart_without_their_paths(recorded: Bundle, tmp_path: Path) -> None:
    same = [shutil.copytree(recorded.path, tmp_path / place / "x" / "mine") for place in ("a", "b")]
    names = [each.name for each in open_all([recorded, *map(Bundle.open, same)])]
    assert names == [f"{recorded.path.parent.name}/mine", "x/mine", "x/mine (2)"]


def test_differences_are_named_and_latencies_compared(recorded: Bundle, other: Other) -> None:
    def change(manifest: Manifest, report_data: ReportData) -> tuple[Manifest, ReportData]:
        recipe = replace(manifest.recipe, scheme=Scheme.STATIC, equalize=False)
        return replace(manifest, recipe=recipe, tools={"onnx": "2"}), report_data

    theirs = other(change)
    both = compared(recorded, theirs)
    assert {each.what: each.values for each in both.differences} == {
        "recipe: scheme": ("auto", "static"),
        "recipe: equalize": ("yes", "no"),
        "version of: onnx": ("1", "2"),
    }
    assert both.warnings == ()
    html = bundle_page(recorded, others=[theirs])
    assert html.count("<svg") == 3
    assert html.index('id="compared"') < html.index('id="accuracy"')


def test_other_images_weights_and_machines_are_warned_of(recorded: Bundle, other: Other) -> None:
    def change(manifest: Manifest, report_data: ReportData) -> tuple[Manifest, ReportData]:
        images = replace(manifest.verification.images, sha256="1" * 64, source="other\x1b[31m")
        manifest = replace(
            manifest,
            verification=replace(manifest.verification, images=images),
            checkpoint=replace(manifest.checkpoint, sha256="2" * 64),
        )
        assert report_data.latency is not None
        return manifest, replace(
            report_data, latency=replace(report_data.latency, device=replace(PI_5, usable_cores=2))
        )

    theirs = other(change)
    both = compared(recorded, theirs)
    assert len(both.warnings) == 3
    assert "mine and theirs were evaluated on different images (32 of val; 32 of other[31m)" in both.warnings[0]
    assert "different checkpoints" in both.warnings[1]
    assert "computers that differ" in both.warnings[2]
    assert both.timed == ()
    html = bundle_page(recorded, others=[theirs])
    assert html.count('<p class="notice">') >= 3
    assert "\x1b" not in html


def test_a_bundle_without_evidence_can_be_compared(recorded: Bundle, tiny_bundle: Path) -> None:
    old = Bundle.open(tiny_bundle)
    both = compared(recorded, old)
    assert both.timed == ()
    assert not any("computers" in warning for warning in both.warnings)
    assert "Layer by layer" not in bundle_page(recorded, others=[old])
    assert 'id="compared"' in bundle_page(old, others=[recorded])


def test_other_tables_pairings_and_gates_are_differences(recorded: Bundle, other: Other) -> None:
    tables = ImageTables(classes=TableFile(path="classes.csv", sha256="ab" * 32))

    def change(manifest: Manifest, report_data: ReportData) -> tuple[Manifest, ReportData]:
        verification = replace(
            manifest.verification,
            images=replace(manifest.verification.images, tables=tables),
            classes=PairingRecord(rule=PairingRule.TABLE, labels=3, outputs=3),
            gate=Gate(max_drop_pt=0.5, passed=True, on=GateOn.INTERVAL),
        )
        return replace(manifest, verification=verification), report_data

    assert {each.what: each.values for each in compared(recorded, other(change)).differences} == {
        "evaluation: --classes": ("–", "classes.csv abababababababab"),
        "classes: rule": ("class names", "the table of classes"),
        "gate: max drop pt": ("–", "0.5"),
        "gate: on": ("drop", "interval"),
    }

"""What is passed on names no folder of its maker's machine, and stays as it was otherwise."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from levit_edge.bundle.manifest import ImageProvenance, Manifest, SearchRecord
from levit_edge.bundle.passed_on import hide_folders, last_part, names_folders, without_folders
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.data.image_tables import ImageTables, TableFile
from levit_edge.data.options import PreprocessingChanges
from levit_edge.documents import to_json

OWNER = "alice"


@pytest.fixture
def telling(tiny_bundle: Path) -> Manifest:
    """A manifest as it was made before: it says where everything lay."""
    manifest = Bundle.open(tiny_bundle).manifest
    home = f"/home/{OWNER} b"
    tables = ImageTables(classes=TableFile(path=f"{home}/tables/classes.csv", sha256="c" * 64))
    images = ImageProvenance(source=f"{home}/val/", count=9, sha256="2" * 64, tables=tables)
    return replace(
        manifest,
        checkpoint=replace(manifest.checkpoint, source=f"{home}/runs/best.pth"),
        calibration=replace(images, source=f"/mnt/{OWNER}/val", tables=None),
        verification=replace(
            manifest.verification, images=images, poor_fp32=f"look at ~{OWNER}/x", not_run={"a.onnx": f"/{OWNER}/lib"}
        ),
        search=SearchRecord(max_drop_pt=1.0, images=images, trials=(), moves=(), held=True),
        preprocessing_origin=f"the bundle {home}/older-int8",
        preprocessing_changes=PreprocessingChanges(bundle=f"{home}/older-int8"),
        warnings=(
            f"pass the folder {home}/runs to have its names",
            f"the images of {home}/val are 8×8; see https://example.org/a/b and file:///{OWNER}/c, and/or 1/2.",
        ),
    )


def test_no_absolute_path_is_left(telling: Manifest) -> None:
    cleaned = without_folders(telling)
    assert OWNER in json.dumps(to_json(telling))
    assert OWNER not in json.dumps(to_json(cleaned))
    assert cleaned.calibration.source == "…/val"
    assert cleaned.verification.images.source == "…2/val", "another folder"
    assert cleaned.search is not None
    assert cleaned.search.images.source == "…2/val", "the same one"
    assert cleaned.checkpoint.source == "…/best.pth"
    assert cleaned.verification.images.tables == ImageTables(classes=TableFile(path="…/classes.csv", sha256="c" * 64))
    assert cleaned.preprocessing_changes == PreprocessingChanges(bundle="…/older-int8")
    assert cleaned.warnings[0] == "pass the folder …/runs to have its names"
    assert cleaned.warnings[1] == "the images of …2/val are 8×8; see https://example.org/a/b and …/c, and/or 1/2."
    assert without_folders(cleaned) == cleaned


def test_a_short_path_is_no_part_of_others(tiny_bundle: Path) -> None:
    """As images lie in containers."""
    manifest = Bundle.open(tiny_bundle).manifest
    images = replace(manifest.calibration, source="/data/val")
    told = "data/val and s3://x/data/val/a, /data/validation, of /data/val, in /data/val/red/1.jpg, of /data/train."
    cleaned = without_folders(replace(manifest, calibration=images, warnings=(told,)))
    assert cleaned.warnings == (
        "data/val and s3://x/data/val/a, …/validation, of …/val, in …/val/red/1.jpg, of …/train.",
    )


def test_what_names_no_folder_stays_as_it_is(tiny_bundle: Path) -> None:
    manifest = Bundle.open(tiny_bundle).manifest
    told = replace(
        manifest,
        checkpoint=replace(manifest.checkpoint, source="facebook/levit-128S"),
        calibration=replace(manifest.calibration, source="../data/train"),
        verification=replace(manifest.verification, images=replace(manifest.calibration, source="s3://bucket/val")),
    )
    assert without_folders(told) == told


def test_a_bundle_is_written_without_them(tiny_bundle: Path, telling: Manifest, tmp_path: Path) -> None:
    source = Bundle.open(tiny_bundle)
    with new_bundle(tmp_path / "new") as writer:
        for name in source.manifest.files:
            writer.add(name, source.read(name))
        made = writer.commit(telling)
    assert OWNER not in (tmp_path / "new" / "manifest.json").read_text()
    assert Bundle.open(tmp_path / "new").manifest == made.manifest == without_folders(made.manifest)


def test_the_report_of_an_old_bundle_redacts(tiny_bundle: Path, telling: Manifest, tmp_path: Path) -> None:
    from levit_edge.report.bundle_page import bundle_page

    old = Bundle(shutil.copytree(tiny_bundle, tmp_path / "old"), telling)
    page = bundle_page(old, others=[Bundle.open(tiny_bundle)])
    assert OWNER not in page
    assert "…/best.pth" in page
    assert "… stands for a folder of the machine that made the bundle" in page


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("/home/a/val/", "val"),
        ("…/val", "val"),
        ("…2/val", "val"),
        ("~/val", "val"),
        ("file:///a/b", "b"),
        ("data/val", "data/val"),
        ("facebook/levit-128S", "facebook/levit-128S"),
        ("imagenette", "imagenette"),
    ],
)
def test_the_last_part(source: str, end: str) -> None:
    assert last_part(source) == end


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/alice b/val", "…/val"),
        ('images = "/home/alice b/val"  # mine', 'images = "…/val"  # mine'),
        ("/home/alice/x.jpg: 1/2 of it is damaged", "…/x.jpg: 1/2 of it is damaged"),
        ("for f in /sys/devices/system/cpu/*; do", "for f in /sys/devices/system/cpu/*; do"),
        ("s3://bucket/val and/or data/val", "s3://bucket/val and/or data/val"),
        ("<code>/home/alice/val</code>", "<code>…/val</code>"),
        ("`/home/alice/val`, [/home/alice/a]", "`…/val`, […/a]"),
        ("path:/home/alice/val", "path:…/val"),
        ('src="data:image/jpeg;base64,/9j/4AAQ+/x/y/z="', 'src="data:image/jpeg;base64,/9j/4AAQ+/x/y/z="'),
        ("<br/></td> 3 m/s, <path d=M1/>", "<br/></td> 3 m/s, <path d=M1/>"),
    ],
)
def test_folders_are_hidden_in_texts(text: str, shown: str) -> None:
    assert hide_folders(text) == shown


@pytest.mark.parametrize(
    ("text", "named"), [("see /etc/x", True), ("a/b", False), ("https://x/y", False), ("1 / 2", False)]
)
def test_folders_among_words_are_found(text: str, named: bool) -> None:
    assert names_folders(text) is named

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BundleError
from levit_edge.report.report_data import REPORT_DATA_FILE, ReportData, read_report_data
from tests.report.example import report_bundle

Document = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tiny_bundle: Path, labelled_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return report_bundle(tmp_path_factory.mktemp("evidence") / "bundle", tiny_bundle, labelled_photographs)


@pytest.fixture
def rewrite(whole: Bundle, tmp_path: Path) -> Callable[[bytes], Bundle]:
    """A copy of the bundle whose evidence is the given bytes, with the right SHA-256."""

    def rewritten(data: bytes) -> Bundle:
        path = shutil.copytree(whole.path, tmp_path / "bundle")
        (path / REPORT_DATA_FILE).write_bytes(data)
        manifest = json.loads((path / MANIFEST_FILE).read_text())
        manifest["files"][REPORT_DATA_FILE] = sha256(data).hexdigest()
        (path / MANIFEST_FILE).write_text(json.dumps(manifest))
        return Bundle.open(path)

    return rewritten


def test_it_comes_back_as_it_was_written(tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path) -> None:
    written: list[ReportData] = []

    def keep(manifest: Manifest, report_data: ReportData) -> tuple[Manifest, ReportData]:
        written.append(replace(report_data, limit=7))
        return manifest, written[0]

    bundle = report_bundle(tmp_path / "bundle", tiny_bundle, labelled_photographs, change=keep)
    assert read_report_data(Bundle.open(bundle.path)) == written[0]


def test_a_bundle_without_it_is_whole(tiny_bundle: Path) -> None:
    assert read_report_data(Bundle.open(tiny_bundle)) is None


def at(*path: str | int, value: object) -> Callable[[Document], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (at("script", value="alert(1)"), "unknown keys"),
        (at("schema_version", value=2), "schema_version is 2, expected 1"),
        (
            at("layers", 0, "layer", value="<script>alert(1)</script>"),
            r"layers\[0\].layer is .*, expected a layer's name",
        ),
        (at("layers", 0, "sqnr_db", value=1e300), r"sqnr_db is 1e\+300, expected -1000 to 1000"),
        (at("layers", 0, "output", "maximum", value=1e300), r"output.maximum is 1e\+300"),
        (at("layers", 0, "output", "maximum", value=-9), "a range is"),
        (at("layers", value=[{}]), "lacks"),
        (at("flips", "shown", 0, "thumbnail", value="PHN2Zz4="), "a thumbnail is not a JPEG"),
        (at("flips", "shown", 0, "label", value=3), "names class 3, expected 0 to 2"),
        (at("flips", "shown", 0, "file", value="x" * 500), "file has 500 characters, expected 0 to 400"),
        (at("flips", "shown", 0, "answers", value=[]), "answers has 0 entries, expected 2 to 8"),
        (at("flips", "shown", 0, "answers", 0, "artifact", value="../x"), "names '../x'"),
        (
            at("flips", "shown", 0, "answers", 0, "top", 0, "probability", value=1.5),
            "probability is 1.5, expected 0 to 1",
        ),
        (at("flips", "counts", 0, "found", value=-1), "names class -1"),
        (at("flips", "counts", 0, "images", value=0), "images is 0, expected 1 to"),
        (at("flips", "images", value=0), "of 0 images are shown"),
        (at("latency", "results", 0, "latency_ms", "p50", value=-1.0), "latency_ms.p50 is -1.0, expected 0 to 1"),
        (at("latency", "device", "model", value="\x1b[31m"), "the latency cannot be"),
    ],
)
def test_what_cannot_be_is_refused(
    whole: Bundle, rewrite: Callable[[bytes], Bundle], change: Callable[[Document], None], complaint: str
) -> None:
    document = json.loads(whole.read(REPORT_DATA_FILE))
    change(document)
    with pytest.raises(BundleError, match=complaint):
        read_report_data(rewrite(json.dumps(document).encode()))


@pytest.mark.parametrize("data", [b"{", b"[" * 100_000, b" " * (3 * 2**20)], ids=["cut", "nested", "large"])
def test_what_is_no_document_is_refused(rewrite: Callable[[bytes], Bundle], data: bytes) -> None:
    with pytest.raises(BundleError, match=REPORT_DATA_FILE):
        read_report_data(rewrite(data))


@pytest.mark.parametrize(("key", "count"), [("layers", 1001), ("shown", 25), ("counts", 401)])
def test_long_lists_are_refused(whole: Bundle, rewrite: Callable[[bytes], Bundle], key: str, count: int) -> None:
    document = json.loads(whole.read(REPORT_DATA_FILE))
    holder = document if key == "layers" else document["flips"]
    holder[key] = holder[key][:1] * count
    document["flips"]["images"] = 1000
    with pytest.raises(BundleError, match=f"{key} has {count} entries, expected 0 to {count - 1}"):
        read_report_data(rewrite(json.dumps(document).encode()))

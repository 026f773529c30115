"""A bundle -> the files of a package for browsers."""

import json
from collections.abc import Mapping, Sequence

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.classes import ModelClasses
from levit_edge.data.folder_tables import FileTable, PairingTable
from levit_edge.documents import UNPAIRED, to_json
from levit_edge.package.contents import FOLDERS_FILE, LICENSE_FILE, RUNTIME_LICENSES_FILE, PagePrecision, Purpose
from levit_edge.package.notice import license_text
from levit_edge.package.pack import packed_files
from levit_edge.package.web.script import read_source

__all__ = ["folders_file", "page_title", "web_files"]


def web_files(bundle: Bundle, precision: PagePrecision, runtime: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a package for browsers, `model.json` among them; `runtime` are those of onnxruntime-web.

    Raises:
        BundleError: the bundle lacks a file that the package needs, or it is damaged.
        PackageError: this installation of levit-edge is not whole.
    """
    artifacts = [bundle.artifact(Runtime.ONNXRUNTIME, each) for each in precision.precisions]
    others = {
        FOLDERS_FILE: folders_file(bundle.labels()),
        LICENSE_FILE: license_text(and_notice=True).encode(),
        RUNTIME_LICENSES_FILE: read_source(RUNTIME_LICENSES_FILE).encode(),
        **runtime,
    }
    return packed_files(bundle, Purpose.WEB, artifacts, others)


def folders_file(labels: Sequence[str]) -> bytes:
    """How a page reads folders of images for a model with these class names: `FOLDERS_FILE`."""
    pairing = PairingTable.of(ModelClasses.of(len(labels), labels, None))
    tables = {"pairing": to_json(pairing), "files": to_json(FileTable.of_levit_edge())}
    return json.dumps(tables, ensure_ascii=False, separators=(",", ":")).encode("utf-8", UNPAIRED) + b"\n"


def page_title(bundle: Bundle) -> str:
    """What a browser's tab shows."""
    return f"LeViT {bundle.manifest.config.name} · levit-edge"

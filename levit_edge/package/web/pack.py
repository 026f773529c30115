"""A bundle -> the files of a package for browsers."""

from collections.abc import Mapping
from importlib.resources import files as resources

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.package.contents import IMAGENET_FILE, LICENSE_FILE, RUNTIME_LICENSES_FILE, PagePrecision, Purpose
from levit_edge.package.notice import license_text
from levit_edge.package.pack import packed_files
from levit_edge.package.web.script import read_source

__all__ = ["page_title", "web_files"]


def web_files(bundle: Bundle, precision: PagePrecision, runtime: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a package for browsers, `model.json` among them; `runtime` are those of onnxruntime-web.

    Raises:
        BundleError: the bundle lacks a file that the package needs, or it is damaged.
        PackageError: this installation of levit-edge is not whole.
    """
    artifacts = [bundle.artifact(Runtime.ONNXRUNTIME, each) for each in precision.precisions]
    others = {
        IMAGENET_FILE: resources("levit_edge.data").joinpath(IMAGENET_FILE).read_bytes(),
        LICENSE_FILE: license_text(and_notice=True).encode(),
        RUNTIME_LICENSES_FILE: read_source(RUNTIME_LICENSES_FILE).encode(),
        **runtime,
    }
    return packed_files(bundle, Purpose.WEB, artifacts, others)


def page_title(bundle: Bundle) -> str:
    """What a browser's tab shows."""
    return f"LeViT {bundle.manifest.config.name} · levit-edge"

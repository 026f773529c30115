"""The page of a bundle as it is served: it sends its times back."""

from collections.abc import Sequence

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BoardError
from levit_edge.package.contents import PagePrecision
from levit_edge.package.web.pack import page_title, web_files
from levit_edge.package.web.page import write_page
from levit_edge.package.web.runtime_files import runtime_files

__all__ = ["page_to_serve"]


def page_to_serve(bundle: Bundle, artifacts: Sequence[Artifact] | None = None) -> bytes:
    """The page with the bundle's ONNX files, or with those of `artifacts`.

    Raises:
        BoardError: there are none among `artifacts`.
        BundleError, PackageError: as for `web_files` and `runtime_files`.
    """
    given = bundle.manifest.artifacts if artifacts is None else artifacts
    there = {each.precision for each in given if each.runtime is Runtime.ONNXRUNTIME}
    if not there & {Precision.INT8, Precision.FP32}:
        raise BoardError(f"{bundle.path} has no ONNX file to show in a browser, of those that are asked for.")
    precision = next(each for each in reversed(PagePrecision) if there >= set(each.precisions))
    return write_page(web_files(bundle, precision, runtime_files()), page_title(bundle), sends_back=True)

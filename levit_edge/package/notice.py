"""`NOTICE.txt` and `LICENSE.txt`: whose work is in a package."""

from collections.abc import Collection
from importlib.metadata import distribution, version

from levit_edge.errors import PackageError
from levit_edge.package.contents import FOLDERS_FILE, LICENSE_FILE, RUNTIME_LICENSES_FILE, WEB_RUNTIME, Purpose
from levit_edge.package.document import PackedCheckpoint

__all__ = ["license_text", "notice"]

MODEL = """\
This package was made by levit-edge {version}.

The model
  {models}, golden_* and labels.txt were made from the checkpoint {source}
  (SHA-256 {sha256}).
  They are under the licence of that checkpoint, which levit-edge does not know and gives no rights to: whoever passes
  this package on says which it is.
  The architecture is LeViT (Graham et al., "LeViT: a Vision Transformer in ConvNet's Clothing for Faster Inference",
  ICCV 2021), whose original code is under the Apache License 2.0.
"""
NO_RUNTIME = """
The runtimes
  None is in this package. ExecuTorch and its XNNPACK delegate are under BSD 3-clause licences, ONNX Runtime under the
  MIT License: an app that ships one carries its notices.
"""
SOURCES = f"""
The programs
  run.py and levit_edge/ are part of levit-edge, under the Apache License 2.0: see {LICENSE_FILE}.
"""
PAGE = f"""
The runtime
  {" and ".join(WEB_RUNTIME)} are ONNX Runtime's, under the MIT License: see {RUNTIME_LICENSES_FILE},
  which also has the notices of what they are made of.

The page
  Its scripts are part of levit-edge, under the Apache License 2.0: see {LICENSE_FILE}.

The classes of ImageNet
  {FOLDERS_FILE} has the ids and words of WordNet 3.0, under WordNet's licence: see the end of {LICENSE_FILE}.
"""


def notice(checkpoint: PackedCheckpoint, purpose: Purpose, models: Collection[str]) -> str:
    """The text of `NOTICE.txt` of a package with these `models`."""
    extra = [name for name in models if not name.startswith("model.")]
    model = MODEL.format(
        version=version("levit-edge"),
        models=", ".join(["model.*", *extra]),
        source=checkpoint.source,
        sha256=checkpoint.sha256,
    )
    rest = {Purpose.ANDROID: NO_RUNTIME, Purpose.BOARD: NO_RUNTIME + SOURCES, Purpose.WEB: PAGE}
    return model + rest[purpose]


def license_text(*, and_notice: bool = False) -> str:
    """The licence of levit-edge's own sources, as it was installed; `and_notice`: with its NOTICE behind it.

    Raises:
        PackageError: the installation lacks it.
    """
    own = distribution("levit-edge")
    texts = [own.read_text(f"licenses/{name}") for name in ("LICENSE", *(["NOTICE"] if and_notice else []))]
    if None in texts:
        raise PackageError("this levit-edge lacks its licence, which its sources cannot go without: install it again.")
    return "\n\n".join(text for text in texts if text is not None)

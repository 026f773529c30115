"""`NOTICE.txt` and `LICENSE.txt`: whose work is in a package."""

from importlib.metadata import distribution, version

from levit_edge.errors import PackageError
from levit_edge.package.contents import FLOAT16_MODEL_FILE, LICENSE_FILE, Purpose
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

The runtimes
  None is in this package. ExecuTorch and its XNNPACK delegate are under BSD 3-clause licences, ONNX Runtime under the
  MIT License: an app that ships one carries its notices.
"""
SOURCES = f"""
The programs
  run.py and levit_edge/ are part of levit-edge, under the Apache License 2.0: see {LICENSE_FILE}.
"""


def notice(checkpoint: PackedCheckpoint, purpose: Purpose, *, float16: bool = False) -> str:
    """The text of `NOTICE.txt`; `float16`: of a package with the model that computes in it."""
    models = f"model.*, {FLOAT16_MODEL_FILE}" if float16 else "model.*"
    model = MODEL.format(
        version=version("levit-edge"), models=models, source=checkpoint.source, sha256=checkpoint.sha256
    )
    return model + (SOURCES if purpose is Purpose.BOARD else "")


def license_text() -> str:
    """The licence of levit-edge's own sources, as it was installed.

    Raises:
        PackageError: the installation lacks it.
    """
    text = distribution("levit-edge").read_text("licenses/LICENSE")
    if text is None:
        raise PackageError("this levit-edge lacks its licence, which its sources cannot go without: install it again.")
    return text

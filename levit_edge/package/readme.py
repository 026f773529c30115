"""`README.md` of a package for boards: what somebody with a Raspberry Pi types, from the copy to the camera."""

from collections.abc import Sequence
from pathlib import Path

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.text import counted, listed, shortened

__all__ = ["readme"]

LONGEST_LABEL = 40
TEXT = Path(__file__).with_name("board_readme.md")
INSTALL = {
    Runtime.ONNXRUNTIME: "pip install numpy pillow 'onnxruntime>={oldest}'  # {file}",
    Runtime.EXECUTORCH: "# or, from Python 3.12 on: pip install numpy pillow executorch-numpy-runtime  # {file}",
}


def readme(bundle: Bundle, artifacts: Sequence[tuple[str, Artifact]]) -> str:
    """The text for a package with these models: their names in it, and what they are.

    Raises:
        BundleError: a file of the bundle is damaged.
    """
    labels, manifest = [shortened(each, LONGEST_LABEL) for each in bundle.labels()], bundle.manifest
    lines, models = [], []
    for file, artifact in sorted(artifacts, key=lambda each: each[1].runtime is not Runtime.ONNXRUNTIME):
        models.append(f"`{file}` ({artifact.precision.label}, {artifact.runtime.entry.label})")
        if artifact.precision is Precision.INT8:
            lines.append(INSTALL[artifact.runtime].format(oldest=_oldest(bundle, artifact), file=file))
    return TEXT.read_text("utf-8").format(
        name=manifest.config.name,
        classes=counted(len(labels), "class"),
        labels=listed(labels, 10).replace("`", "'"),
        install="\n".join(lines),
        models=", ".join(models),
    )


def _oldest(bundle: Bundle, artifact: Artifact) -> str:
    entry = artifact.runtime.entry
    made_with = bundle.manifest.tools.get(entry.maker, "")
    return entry.oldest(made_with, bundle.read(artifact.file)).version

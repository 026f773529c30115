"""Where a bundle is, or is to be: what can be said of it before anything is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from levit_edge.bundle.card_seal import has_own_card
from levit_edge.documents import read_json
from levit_edge.errors import BundleError, OutputError
from levit_edge.model.license import CARD_FILE
from levit_edge.model.source import has_hub_form
from levit_edge.places import found_at
from levit_edge.system.atomic import is_replaceable, require_folder

__all__ = [
    "HUB_PREFIX",
    "MANIFEST_FILE",
    "bundle_files",
    "faults_of",
    "require_bundle",
    "require_output",
    "require_replaceable",
]

MANIFEST_FILE = "manifest.json"
HUB_PREFIX = "hf:"
"""Before `owner/name`: a bundle of the Hugging Face hub, see `levit_edge.bundle.from_hub`."""
MODEL_FILES = (".pte", ".onnx")
CHECKPOINTS = (".pth", ".pt", ".safetensors", ".bin", ".ckpt")
IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def bundle_files(path: Path) -> frozenset[str]:
    """The manifest in the folder `path`, of any version, the files that it names, and the card that levit-edge wrote.

    None if it is not ours.
    """
    try:
        document = read_json(path / MANIFEST_FILE, BundleError, "the manifest")
    except BundleError:
        return frozenset()
    if not isinstance(document, dict) or "levit_edge_version" not in document:
        return frozenset()
    files = document.get("files")
    card = [CARD_FILE] if has_own_card(path) else []
    return frozenset({MANIFEST_FILE, *files, *card}) if isinstance(files, dict) and files else frozenset()


def require_bundle(path: Path) -> None:
    """Refuse a path at which there cannot be a bundle; nothing is opened.

    Raises:
        BundleError: it is not there, not a folder, or a folder without manifest.
    """
    expected = "expected a bundle made by `levit-edge quantize`, which is a folder"
    if (found := found_at(path)) != "is a folder":
        raise BundleError(f"{path} {found}; {expected}.{_advice(path, found)}")
    if (in_it := found_at(path / MANIFEST_FILE)) != "is a file" or (path / MANIFEST_FILE).is_symlink():
        lacks = f"has a {MANIFEST_FILE} that {in_it}" if "cannot" in in_it else f"has no {MANIFEST_FILE}"
        raise BundleError(f"{path} {lacks}; {expected}.")


def _advice(path: Path, found: str) -> str:
    """What to type instead of a file that was given for a bundle, or of a name on the hub."""
    if found == "does not exist" and has_hub_form(str(path)):
        return f" One of the Hugging Face hub is called {HUB_PREFIX}{path}."
    if found != "is a file":
        return ""
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return " A package is checked with `levit-edge verify`; for all else give the bundle that it was made of."
    if suffix in MODEL_FILES or path.name == MANIFEST_FILE:
        return f" Give the folder that it is in: {path.parent}"
    if suffix in CHECKPOINTS:
        return f" Make one of a checkpoint: levit-edge quantize --checkpoint {path}"
    return " The bundle comes first, then the photographs." if suffix in IMAGES else ""


def require_output(output: Path) -> None:
    """Refuse, before any work, an `--output` where no bundle can be written; nothing is.

    Raises:
        OutputError: it is not replaceable, or its folder cannot be made or written.
    """
    if not output.absolute().name:
        raise OutputError(f"{output} cannot be a bundle. Choose another --output.")
    require_replaceable(output.absolute())
    require_folder(output.absolute().parent, "--output")


def require_replaceable(output: Path) -> None:
    """Refuse to replace anything that is not a bundle of ours or an empty folder.

    Raises:
        OutputError: something else is there.
    """
    with faults_of(output):
        if is_replaceable(output, bundle_files(output)):
            return
    raise OutputError(
        f"{output} exists and is not a bundle made by levit-edge, or holds other files too: nothing was written. Choose"
        " another --output."
    )


@contextmanager
def faults_of(output: Path) -> Iterator[None]:
    """Say of a fault of the system that `output` cannot be written.

    Raises:
        OutputError: the body had one.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written: {error.strerror}. Nothing was left behind; free some space or choose another"
            " --output."
        ) from error

"""Putting a page's files into a folder, for a static host."""

from collections.abc import Mapping
from pathlib import Path

from levit_edge.errors import OutputError, PackageError
from levit_edge.package.contents import DOCUMENT_FILE, Purpose, expected_files
from levit_edge.package.web.page import FOLDER
from levit_edge.system.atomic import folder_beside, is_replaceable, put_in_place, require_folder, write_synced
from levit_edge.system.signals import interrupts_wait

__all__ = ["put_folder", "refuse_page_folder", "require_replaceable_folder"]

OWN = frozenset({"index.html", "page.css", "page.js", "_headers", FOLDER})


def require_replaceable_folder(folder: Path) -> None:
    """Refuse a folder that holds anything that we did not put there, or that cannot be made.

    Raises:
        OutputError: it does, or cannot be written.
    """
    require_folder(folder, "--output")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{folder} is where you are, or above, and a page's folder is replaced as a whole: choose another --output."
        )
    own = OWN if (folder / FOLDER / DOCUMENT_FILE).exists() else frozenset[str]()
    inside = expected_files(Purpose.WEB, second=True) | {DOCUMENT_FILE}
    if not (is_replaceable(folder, own) and is_replaceable(folder / FOLDER, inside)):
        raise OutputError(
            f"{folder} exists and is not a page made by levit-edge, or holds other files too: nothing was written."
            " Choose another --output."
        )


def refuse_page_folder(path: Path) -> None:
    """Refuse the folder of a page, where something else is expected.

    Raises:
        PackageError: it is one.
    """
    if (path / FOLDER / DOCUMENT_FILE).is_file() and (path / "index.html").is_file():
        raise PackageError(
            f"{path} is the folder of a page, which checks every file in it and runs the golden test itself. Here pages"
            " of one file are checked: make one of the same bundle, by `levit-edge package BUNDLE --for web`."
        )


def put_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files`, by their paths in the folder; an older page there stays if that fails.

    Raises:
        OutputError: see `require_replaceable_folder`.
    """
    require_replaceable_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder_beside(folder, "--output") as partial:
            (partial / FOLDER).mkdir()
            for name, content in files.items():
                write_synced(partial / name, content)
            with interrupts_wait():
                put_in_place(partial, folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}. What was there is left as it was.") from error

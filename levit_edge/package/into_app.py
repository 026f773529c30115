"""Putting a package's files into an Android project, whose build makes them a part of the app."""

from pathlib import Path

from levit_edge.errors import OutputError
from levit_edge.package.archive import read_archive
from levit_edge.package.contents import DOCUMENT_FILE, Purpose, expected_files
from levit_edge.places import found_at
from levit_edge.system.atomic import folder_beside, is_replaceable, put_in_place, write_synced
from levit_edge.system.signals import interrupts_wait

__all__ = ["assets_of", "put_into_app"]

SOURCES = Path("app", "src", "main")
"""The source folder of the module `app`, as Android Studio lays projects out."""
ASSETS = SOURCES / "assets" / "package"


def assets_of(project: Path) -> Path:
    """Where a package's files go in the Android project at `project`.

    Raises:
        OutputError: it is no such project, or something else than a package is there.
    """
    manifest = project / SOURCES / "AndroidManifest.xml"
    if not manifest.is_file():
        found = found_at(project)
        what = f"is not an Android project: {manifest} does not exist" if found == "is a folder" else found
        raise OutputError(f"{project} {what}. Give the folder android_demo of levit-edge, or a project of that layout.")
    folder = project / ASSETS
    files = expected_files(Purpose.ANDROID, second=True)
    ours = files | {DOCUMENT_FILE} if (folder / DOCUMENT_FILE).exists() else frozenset()
    if not is_replaceable(folder, ours):
        raise OutputError(
            f"{folder} exists and is not a package made by levit-edge, or holds other files too: nothing was written."
            " Move it away."
        )
    return folder


def put_into_app(project: Path, data: bytes) -> Path:
    """Put the files of the android package `data` into a project, in place of an older package's.

    Returns:
        The folder, `app/src/main/assets/package`. It holds one package or the other, never a part of one.

    Raises:
        OutputError: it is not an Android project, something else is there, or it cannot be written.
    """
    folder = assets_of(project)
    try:
        folder.parent.mkdir(exist_ok=True)
        with folder_beside(folder, "--into") as partial:
            for name, content in read_archive(data, "the package").items():
                write_synced(partial / name, content)
            with interrupts_wait():
                put_in_place(partial, folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}. What was there is left as it was.") from error
    return folder

"""Writing a folder that appears whole or not at all: filled under another name beside its place, then renamed."""

import os
import re
import secrets
import shutil
from pathlib import Path

from levit_edge.exchange import exchange

__all__ = ["partial_folder", "put_in_place", "remove_abandoned"]


def partial_folder(output: Path) -> Path:
    """Where to fill the folder that is to become `output`; the name tells which process does."""
    return output.with_name(f".{output.name}.partial-{os.getpid()}-{secrets.token_hex(4)}")


def put_in_place(folder: Path, output: Path) -> None:
    """Rename `folder`, a `partial_folder`, to `output`; an older one there changes places with it, and is removed.

    Raises:
        OSError: it cannot be renamed; the older one is as it was.
    """
    if not output.exists():
        folder.rename(output)
        return
    try:
        exchange(folder, output)
    except NotImplementedError:
        _put_in_two_steps(folder, output)
    shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(output: Path) -> None:
    """Clean up after killed runs, as we hold the lock: bring back a folder that had stepped aside, remove the rest.

    Raises:
        OSError: the folder that holds `output` cannot be read or written.
    """
    ours = re.compile(rf"\.{re.escape(output.name)}\.(partial|replaced)-[0-9]{{1,9}}-[0-9a-f]{{8}}")
    for path in list(output.parent.iterdir()):
        match = ours.fullmatch(path.name)
        if match is None:
            continue
        if match[1] == "replaced" and not output.exists():
            path.rename(output)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _put_in_two_steps(folder: Path, output: Path) -> None:
    """Where two folders cannot change places: the older one steps aside, and comes back if that fails.

    A process that is killed between the two steps leaves no output; the next run brings the older one back.
    """
    aside = folder.with_name(folder.name.replace(".partial-", ".replaced-"))
    try:
        output.rename(aside)
        folder.rename(output)
    except BaseException:
        if not output.exists():
            aside.rename(output)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(aside, ignore_errors=True)

"""Bundles of the Hugging Face hub: `hf:owner/name`, at one commit, fetched once and kept.

What is there is hostile: the manifest is read before anything that it names is fetched, names have to be plain, sizes
are bounded, and `Bundle.open` checks every digest as of any other bundle.
"""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from levit_edge.bundle.place import HUB_PREFIX, MANIFEST_FILE
from levit_edge.bundle.reader import plain_file_name, read_manifest
from levit_edge.documents import MAX_DOCUMENT_BYTES
from levit_edge.errors import BundleError, DownloadError, RuntimeUnavailableError
from levit_edge.model.hub import hub_obstacle, told_of
from levit_edge.model.source import HUB_ID, is_hub_id
from levit_edge.places import found_at
from levit_edge.system.atomic import folder_beside, put_in_place
from levit_edge.system.host import cache_folder
from levit_edge.text import brief

__all__ = ["HubBundle", "fetch_bundle", "name_of", "on_hub"]

MOST_FILES = 64
MOST_BYTES = 2 * 2**30
"""Of all files together: twenty times what a bundle of the largest LeViT has."""
_NOT_BUNDLES = (".zip", ".html", ".htm", ".json", ".onnx", ".pte", ".jpg", ".jpeg", ".png", ".webp")
"""Endings of paths that do not exist and are no repositories."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class HubBundle:
    """What names a bundle on the hub."""

    repo: str
    """`owner/name`."""
    revision: str | None = None
    """A commit, a branch or a tag; None: the main branch."""

    def __str__(self) -> str:
        return f"{HUB_PREFIX}{self.repo}" + (f"@{self.revision}" if self.revision else "")


def on_hub(spec: str) -> HubBundle | None:
    """What `spec` names on the hub: `hf:owner/name`, or `owner/name` where no such path is; with `@REVISION` or not.

    Where there is a folder `owner`, `owner/name` is a path in it that is mistyped: nobody but its owner hears of that.

    Raises:
        BundleError: it begins as the former and goes on otherwise.
    """
    repo, _, revision = spec.removeprefix(HUB_PREFIX).partition("@")
    if spec.startswith(HUB_PREFIX):
        if not HUB_ID.fullmatch(repo) or (revision and not re.fullmatch(r"[\w./-]{1,100}", revision)):
            raise BundleError(
                f"{brief(spec)} names no repository; expected {HUB_PREFIX}owner/name, with @REVISION or not."
            )
    elif not is_hub_id(repo) or found_at(Path(spec)) != "does not exist" or _is_path(repo):
        return None
    return HubBundle(repo=repo, revision=revision or None)


def _is_path(repo: str) -> bool:
    return repo.lower().endswith(_NOT_BUNDLES) or found_at(Path(repo).parent) == "is a folder"


def name_of(path: Path) -> str:
    """What a bundle's results call it: its path, or for one of the hub its name there with the commit."""
    with suppress(ValueError):
        owner, commit, name = path.absolute().relative_to(_kept().absolute()).parts
        return str(HubBundle(repo=f"{owner}/{name}", revision=commit))
    return str(path)


def _kept() -> Path:
    return cache_folder() / "hub"


def fetch_bundle(asked: HubBundle, tell: Callable[[str], object] = lambda _note: None) -> Path:
    """The folder of a bundle of the hub, fetched if it is not there; without a network, what was fetched before.

    Args:
        asked: which.
        tell: is told if a branch or a tag could not be looked up, and may be another commit by now.

    Raises:
        BundleError: it is no bundle, or one that names what it must not.
        DownloadError: there is no such repository, no access, no network.
        RuntimeUnavailableError: huggingface_hub is not installed.
    """
    if not find_spec("huggingface_hub"):
        raise RuntimeUnavailableError(
            "huggingface_hub is not installed, which fetches bundles: `pip install 'levit-edge[hub]'`."
        )
    if asked.revision and _COMMIT.fullmatch(asked.revision) and (folder := _folder(asked, asked.revision)).is_dir():
        return folder
    obstacle = hub_obstacle()
    try:
        manifest = _fetched(asked, MANIFEST_FILE, asked.revision, offline=obstacle is not None)
        commit = manifest.parent.name
        folder = _folder(asked, commit)
        if not folder.is_dir():
            _fill(folder, manifest, lambda name: _fetched(asked, name, commit, offline=obstacle is not None))
    except BundleError as error:
        raise BundleError(f"{asked} on the Hugging Face hub: {error}") from error
    except Exception as error:  # huggingface_hub lets its own, OSError, ValueError and its HTTP client's errors through
        raise DownloadError(_reason(asked, error, obstacle)) from error
    if obstacle is not None:
        tell(f"the Hugging Face hub was not asked ({obstacle}): {asked} is what was fetched before, and may be older.")
    return folder


def _folder(asked: HubBundle, commit: str) -> Path:
    owner, name = asked.repo.split("/")
    return _kept() / owner / commit / name


def _fetched(asked: HubBundle, name: str, revision: str | None, *, offline: bool) -> Path:
    """A file in huggingface_hub's cache, where it may be a link to another of its files."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    if not offline:
        size = get_hf_file_metadata(hf_hub_url(asked.repo, name, revision=revision)).size or 0
        most = MAX_DOCUMENT_BYTES if name == MANIFEST_FILE else MOST_BYTES
        if size > most:
            raise BundleError(f"{name} has {size / 2**20:,.0f} MiB, expected at most {most / 2**20:,.0f}.")
    return Path(hf_hub_download(asked.repo, name, revision=revision, local_files_only=offline))


def _fill(folder: Path, manifest: Path, fetch: Callable[[str], Path]) -> None:
    """Put what the manifest names into `folder`, which appears whole or not at all; no other file is fetched."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder_beside(folder, "the cache") as staging:
        _place(manifest, staging / MANIFEST_FILE)
        names = list(read_manifest(staging).files)
        for name in names:
            if not plain_file_name(name) or name == MANIFEST_FILE:
                raise BundleError(f"its manifest names the file {brief(name)}, expected a plain file name.")
        if len(names) > MOST_FILES:
            raise BundleError(f"its manifest names {len(names)} files, expected at most {MOST_FILES}.")
        room = MOST_BYTES
        for name in names:
            found = fetch(name)
            room -= found.stat().st_size
            if room < 0:
                raise BundleError(f"its files have more than {MOST_BYTES / 2**30:g} GiB.")
            _place(found, staging / name)
        put_in_place(staging, folder)


def _place(source: Path, target: Path) -> None:
    """The same file under another name, as links are not followed in bundles; a copy, where it is another disk."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _reason(asked: HubBundle, error: Exception, obstacle: str | None) -> str:
    from huggingface_hub.errors import (
        GatedRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"{asked.repo} on the Hugging Face hub"
    if isinstance(error, GatedRepoError):
        return f"{where} is gated: ask for access there and run `hf auth login`."
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{asked.repo} does not exist, neither as a folder nor on the Hugging Face hub; expected a bundle made by"
            " `levit-edge quantize`. One that is private there needs `hf auth login`."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{where} has no revision {asked.revision}."
    if isinstance(error, RemoteEntryNotFoundError):
        return f"{where} is no bundle, or not whole: {told_of(error)}."
    return (
        f"{asked.repo} does not exist as a folder, and a bundle of that name cannot be fetched from the Hugging Face"
        f" hub: {obstacle or told_of(error)}. Without a network, give the folder of a bundle."
    )

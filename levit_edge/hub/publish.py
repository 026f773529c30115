"""A bundle -> a repository of the Hugging Face hub, by huggingface_hub: what goes there, and that it does.

Only the files that the manifest names go, the manifest, and a model card; none of them names a folder of this computer.
Files of before that was so are made anew without them, in memory.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from levit_edge.bundle.card_seal import is_unchanged, resealed
from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.passed_on import last_part, names_folders, without_folders
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.documents import UNPAIRED, to_json
from levit_edge.errors import BundleError, PublishError
from levit_edge.model.hub import hub_obstacle, told_of
from levit_edge.model.license import CARD_FILE
from levit_edge.report.bundle_page import bundle_page
from levit_edge.report.card import PLACEHOLDER
from levit_edge.report.report_data import REPORT_DATA_FILE, ReportData, read_report_data, report_data_file
from levit_edge.text import counted, listed

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["Published", "publish", "published_files"]

PAGE_FILE = "report.html"
OF_THE_HUB = frozenset({".gitattributes"})
"""What the hub itself puts into a repository."""
UNAUTHORIZED, FORBIDDEN, TOO_LARGE = 401, 403, 413
CONFLICTS = {409, 412}


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where a bundle is now."""

    repo: str
    revision: str
    """The commit."""
    url: str


def published_files(bundle: Bundle, card: str, repo: str) -> dict[str, bytes]:
    """What goes to the hub, by names; `card` is the bundle's model card.

    Raises:
        BundleError: it is damaged, or a file that is not made anew names a folder of this computer.
    """
    manifest, report_data = without_folders(bundle.manifest), _without_folders(read_report_data(bundle))
    files = {name: bundle.read(name) for name in manifest.files}
    anew: dict[str, bytes] = {}
    if report_data is not None and report_data != read_report_data(bundle):
        anew[REPORT_DATA_FILE] = report_data_file(report_data)
    if PAGE_FILE in files and names_folders(files[PAGE_FILE].decode("utf-8", "replace")):
        anew[PAGE_FILE] = bundle_page(bundle).encode("utf-8", UNPAIRED)
    files |= anew
    same = not anew and manifest == bundle.manifest
    described = (bundle.path / MANIFEST_FILE).read_bytes() if same else _with_digests(manifest, files)
    card = with_repository(card, repo)
    of_card = without_names(card, bundle.labels())
    for name, text in ((REPORT_DATA_FILE, _texts(report_data)), (CARD_FILE, of_card)):
        if names_folders(text):
            raise BundleError(
                f"{bundle.path / name} names a folder of this computer, and would be passed on: {_line(text)}"
            )
    return {CARD_FILE: card.encode("utf-8"), MANIFEST_FILE: described, **files}


def with_repository(card: str, repo: str) -> str:
    """`card` with the name of the repository in its commands; sealed again, if nobody has changed it."""
    named = card.replace(PLACEHOLDER, repo)
    return resealed(named) if is_unchanged(card.encode("utf-8", UNPAIRED)) else named


def without_names(card: str, labels: Sequence[str]) -> str:
    """`card` without class names that look like paths, such as `/m/01g317`: they go with labels.txt in any case."""
    for label in filter(names_folders, labels):
        card = card.replace(label, "")
    return card


def _without_folders(report_data: ReportData | None) -> ReportData | None:
    """The evidence with the last part of the folder in which the bundle was timed."""
    if report_data is None or report_data.latency is None:
        return report_data
    return replace(report_data, latency=replace(report_data.latency, bundle=last_part(report_data.latency.bundle)))


def _with_digests(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    manifest = replace(manifest, files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()})
    return json.dumps(to_json(manifest), indent=1, ensure_ascii=False).encode("utf-8", UNPAIRED) + b"\n"


def _texts(report_data: ReportData | None) -> str:
    """What the evidence says in words: its pictures and its findings, which name Linux's own files, are none."""
    if report_data is None:
        return ""
    shown = report_data.flips.shown if report_data.flips else ()
    latency = report_data.latency and replace(report_data.latency, findings=())
    return "\n".join([*(image.file for image in shown), json.dumps(to_json(latency), ensure_ascii=False)])


def _line(text: str) -> str:
    return next((line.strip()[:120] for line in text.splitlines() if names_folders(line)), "")


def publish(files: Mapping[str, bytes], repo: str, *, public: bool) -> Published:
    """Put `files` into the repository `repo` in one commit; it is made, private unless `public`, if it is not there.

    Raises:
        PublishError: no token, no network, no rights; the repository holds other files, or is not as visible as asked
            for; the hub refuses.
    """
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise PublishError(
            "there is no token for the Hugging Face hub: run `hf auth login`, or set HF_TOKEN to a token that may write"
            " (https://huggingface.co/settings/tokens)."
        )
    if (obstacle := hub_obstacle()) is not None:
        raise PublishError(f"the Hugging Face hub cannot be reached: {obstacle}. Nothing was published.")
    try:
        return _publish(HfApi(library_name="levit-edge"), files, repo, public=public)
    except PublishError:
        raise
    except Exception as error:  # huggingface_hub lets its own, OSError, ValueError and its HTTP client's errors through
        raise PublishError(_reason(repo, error)) from error


def _publish(api: "HfApi", files: Mapping[str, bytes], repo: str, *, public: bool) -> Published:
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import RepositoryNotFoundError

    made = False
    try:
        before = api.model_info(repo)
    except RepositoryNotFoundError:
        api.create_repo(repo, private=not public)
        made, before = True, api.model_info(repo)
    others = sorted({each.rfilename for each in before.siblings or ()} - set(files) - OF_THE_HUB)
    if others:
        raise PublishError(
            f"{repo} on the Hugging Face hub holds {counted(len(others), 'other file')}, which would stay beside the"
            f" bundle: {listed(others)}. Remove them there, or choose another repository."
        )
    if bool(before.private) is public:
        found, option = ("private", "leave --public out") if public else ("public", "give --public")
        raise PublishError(f"{repo} on the Hugging Face hub is {found}: {option}, or change that in its settings.")
    added = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=data) for name, data in files.items()]
    try:
        done = api.create_commit(repo, added, commit_message="Publish a bundle of levit-edge", parent_commit=before.sha)
    except Exception as error:
        left = f" {repo} was made there, and is empty." if made else ""
        raise PublishError(_reason(repo, error) + left) from error
    return Published(repo=repo, revision=done.oid, url=f"{api.endpoint}/{repo}")


def _reason(repo: str, error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    told = told_of(error)
    nothing = "Nothing was published."
    if status == UNAUTHORIZED:
        return f"the Hugging Face hub does not take the token: run `hf auth login` again. {nothing}"
    if status == FORBIDDEN:
        return (
            f"the token has no right to write to {repo} on the Hugging Face hub: it needs the role `write`, and"
            f" its owner a place in {repo.partition('/')[0]}. {nothing}"
        )
    if status in CONFLICTS:
        return f"{repo} on the Hugging Face hub was changed in the meantime: do it again. {nothing}"
    if status == TOO_LARGE:
        return f"the Hugging Face hub finds the files too large for {repo}: {told}. {nothing}"
    return f"{repo} cannot be published on the Hugging Face hub: {told}. {nothing}"

"""`levit-edge publish`: put a bundle on the Hugging Face hub."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.card import Datasets, License
from levit_edge.cli.options import JsonOutput
from levit_edge.cli.terminal.console import print_json, say, suggest
from levit_edge.errors import BundleError
from levit_edge.model.source import HUB_ID

if TYPE_CHECKING:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.hub.publish import Published

__all__ = ["publish"]


class Repository(str):
    """The name of a repository of the hub."""

    __slots__ = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """That, or a usage error."""
        if not HUB_ID.fullmatch(text):
            raise typer.BadParameter(f"{text!r} is no repository of the hub: expected owner/name.")
        return cls(text)


def publish(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A folder made by `levit-edge quantize`.")],
    repo: Annotated[
        Repository,
        typer.Argument(
            metavar="OWNER/NAME", parser=Repository.of, help="The repository, which is made if it is not there."
        ),
    ],
    push: Annotated[
        bool, typer.Option("--push", "--yes", help="Do it. Without this, only say what would go, and send nothing.")
    ] = False,
    public: Annotated[bool, typer.Option("--public", help="For everybody to see. [default: private]")] = False,
    license_id: License = None,
    datasets: Datasets = None,
    json: JsonOutput = False,
) -> None:
    """Put a bundle on the Hugging Face hub, with its model card: by itself it only says what would go.

    The card is the README.md in the bundle's folder, as `report --card` wrote it and you may have changed it; without
    one it is made. The token is huggingface_hub's: `hf auth login`, or HF_TOKEN.
    """
    bundle = bundle_at_hand(bundle)
    from levit_edge.bundle.from_hub import name_of
    from levit_edge.bundle.reader import Bundle
    from levit_edge.hub.publish import published_files

    opened = Bundle.open(bundle)
    files = published_files(opened, _card(opened, license_id, datasets or []), repo)
    document: dict[str, Any] = {
        "schema_version": 1,
        "bundle": name_of(bundle),
        "repo": repo,
        "public": public,
        "files": {name: len(data) for name, data in files.items()},
    }
    if not json:
        _show(files, repo, _left_here(bundle, files), public=public)
    done = _push(files, repo, public=public) if push else None
    if json:
        print_json(document | {"published": done and {"revision": done.revision, "url": done.url}})
    elif done is not None:
        say(f"published: {done.url} at {done.revision}")
        suggest(("levit-edge", "predict", f"hf:{repo}@{done.revision}", "photo.jpg"))
    else:
        say("Nothing was sent: --push does it.")


def _push(files: dict[str, bytes], repo: str, *, public: bool) -> "Published":
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from levit_edge.hub.publish import publish as publish_files

    if not sys.stderr.isatty():
        disable_progress_bars()
    return publish_files(files, repo, public=public)


def _card(opened: "Bundle", license_id: str | None, datasets: list[str]) -> str:
    """The card in the folder, or a new one where there is none or options ask for another.

    Raises:
        BundleError: it is a link, or nobody says which licence it is.
        typer.BadParameter: options ask for another than the one in the folder.
    """
    from levit_edge.model.license import CARD_FILE
    from levit_edge.report.card import license_of, model_card

    path = opened.path / CARD_FILE
    if path.is_symlink():
        raise BundleError(f"{path} is a link, and what it leads to would be published: put the card itself there.")
    if not path.is_file():
        return model_card(opened, license_id=license_of(opened.manifest, license_id), datasets=datasets)
    if license_id or datasets:
        option = "--license" if license_id else "--dataset"
        raise typer.BadParameter(
            f"is for a card that is not there yet, and {path} is: write it anew with `report --card`.",
            param_hint=option,
        )
    return path.read_text(encoding="utf-8", errors="replace")


def _left_here(bundle: Path, files: dict[str, bytes]) -> list[str]:
    return sorted(each.name for each in bundle.iterdir() if each.name not in files)


def _show(files: dict[str, bytes], repo: str, left: list[str], *, public: bool) -> None:
    for name, data in files.items():
        say(f"{len(data) / 2**20:9.2f} MiB  {name}")
    seen = "public" if public else "private"
    say(f"{sum(map(len, files.values())) / 2**20:9.2f} MiB  to {repo} on the Hugging Face hub, {seen}")
    if left:
        say(f"not of the bundle, and left here: {', '.join(left)}", wrap=True)

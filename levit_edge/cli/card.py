"""The model card that `report --card` writes, and what `report` and `publish` ask for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.terminal.console import print_json, say, show_note, suggest
from levit_edge.errors import OutputError
from levit_edge.system.atomic import reserved, write_whole

__all__ = ["Datasets", "License", "write_card"]

License = Annotated[
    str | None,
    typer.Option(
        "--license",
        metavar="ID",
        help="The licence of the weights, as the hub calls it: apache-2.0, mit, … [default: the checkpoint's own]",
    ),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        metavar="ID",
        help="What the weights were trained and measured on, as the hub calls it: imagenet-1k; may be repeated."
        " [default: as far as it is known]",
    ),
]


def write_card(
    bundle: Path,
    results: Sequence[Path],
    output: Path | None,
    license_id: str | None,
    datasets: Sequence[str],
    *,
    json: bool,
) -> None:
    """Write the card of `bundle` into its folder, or to `output`; one that somebody has changed stays.

    That of a bundle of the hub goes beside the reader's own files: where it is kept, others read it.

    Raises:
        BundleError: nobody says which licence it is; see `levit_edge.report.card.license_of`.
        OutputError: it cannot be written, or a card that is not levit-edge's is there.
    """
    from levit_edge.benchmark.files import load_measurements
    from levit_edge.bundle.from_hub import name_of
    from levit_edge.bundle.reader import Bundle
    from levit_edge.model.license import CARD_FILE
    from levit_edge.report.card import license_of, model_card, stated_of

    opened = Bundle.open(bundle)
    kept = name_of(bundle) != str(bundle)
    path = output or (Path(f"{bundle.name}-{CARD_FILE}") if kept else bundle / CARD_FILE)
    require_own_card(path)
    found = license_of(opened.manifest, license_id)
    if (stated := stated_of(opened.manifest)) not in {None, found}:
        show_note(f"the checkpoint says that its licence is {stated}; the card says {found}.")
    card = model_card(opened, license_id=found, datasets=datasets, measurements=load_measurements(results))
    with reserved(path, "--output"):
        write_whole(path, card.encode("utf-8"), "--output")
    if json:
        print_json({"schema_version": 1, "bundle": name_of(bundle), "card": str(path), "license": found})
        return
    say(f"card: {path}")
    if path == bundle / CARD_FILE:  # where `publish` looks for it
        suggest(("levit-edge", "publish", bundle, "OWNER/NAME"))


def require_own_card(path: Path) -> None:
    """Refuse to replace a card that is not as levit-edge wrote it.

    Raises:
        OutputError: there is one.
    """
    from levit_edge.bundle.card_seal import is_unchanged

    if path.is_file() and not is_unchanged(path.read_bytes()):
        raise OutputError(
            f"{path} was changed after levit-edge wrote it, or is not of levit-edge: nothing was written. Move it away,"
            " or choose another --output."
        )

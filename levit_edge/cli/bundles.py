"""The bundle that a command was given: a folder here, or one of the Hugging Face hub, which is fetched."""

from pathlib import Path

from levit_edge.bundle.place import HUB_PREFIX, require_bundle
from levit_edge.cli.terminal.console import show_note

__all__ = ["bundle_at_hand"]


def bundle_at_hand(bundle: Path) -> Path:
    """The folder of `bundle`, refused if there cannot be one; of one of the hub the revision is said.

    Raises:
        BundleError: it is none.
        DownloadError: it cannot be fetched.
    """
    from levit_edge.bundle.from_hub import fetch_bundle, name_of, on_hub

    asked = on_hub(str(bundle))
    if asked is not None:
        if not str(bundle).startswith(HUB_PREFIX):
            show_note(f"{bundle} is no folder here: the Hugging Face hub is asked for {asked}.")
        bundle = fetch_bundle(asked, show_note)
        show_note(f"{name_of(bundle)}, kept in {bundle}")
    require_bundle(bundle)
    return bundle

"""How what `quantize` made and `verify` measured is printed."""

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.show.tables import bundle_json, search_summary, verification_table
from levit_edge.cli.terminal.console import print_json, stdout
from levit_edge.documents import to_json

__all__ = ["print_bundle"]


def print_bundle(bundle: Bundle, *, json: bool) -> None:
    """Print what the making of a bundle came to."""
    manifest = bundle.manifest
    if json:
        document = bundle_json(str(bundle.path), manifest.verification, manifest.stages)
        print_json(document | {"search": to_json(manifest.search)})
        return
    verification_table(manifest.verification, stdout)
    if manifest.search is not None:
        search_summary(manifest.search, stdout)
    seconds = sum(stage.seconds for stage in manifest.stages)
    peak_mebibytes = max(stage.peak_rss_bytes for stage in manifest.stages) / 2**20
    stdout.print(f"{seconds:.0f} s, peak memory {peak_mebibytes:.0f} MiB", highlight=False)
    stdout.print(f"bundle: {bundle.path}", markup=False, highlight=False, soft_wrap=True)

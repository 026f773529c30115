"""The images that a command names, before its work begins: are they there, and public sets are fetched."""

from collections.abc import Iterable
from pathlib import Path

from levit_edge.cli.terminal.console import say, stderr
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.options import ImageOptions
from levit_edge.errors import DataError
from levit_edge.places import found_at, require_file
from levit_edge.system.progress import Stages

__all__ = ["fetch_sets", "find_images"]


def find_images(options: ImageOptions, *sources: Path | None, json: bool) -> None:
    """Refuse images, and lists about them, that are not there; then fetch sets that are named and not kept yet.

    Raises:
        DataError: there is nothing, or it is of no kind that images or such lists have.
        DownloadError: a set cannot be fetched.
    """
    given = [source for source in dict.fromkeys(sources) if source is not None]
    _require_lists(options)
    for source in given:
        if not source.is_dir():
            _require_source(source)
    fetch_sets([str(source) for source in given if not source.exists()], json=json)


def fetch_sets(names: Iterable[str], *, json: bool) -> None:
    """Fetch those of `names` that are public sets and not kept yet, each once.

    Raises:
        DownloadError: one cannot be fetched.
    """
    from levit_edge.data.named_sets import NAMED_SETS, is_kept

    for name in dict.fromkeys(names):
        if name in NAMED_SETS and not is_kept(NAMED_SETS[name]):
            _fetch(name, json=json)


def _require_lists(options: ImageOptions) -> None:
    from levit_edge.data.class_table import read_class_table

    if options.classes is not None:
        read_class_table(options.classes)
    if options.labels is not None:
        require_file(options.labels, "a table of files and classes for --labels", DataError)
    if options.devkit is not None and (found := found_at(options.devkit)) not in {"is a file", "is a folder"}:
        raise DataError(f"{options.devkit} {found}; expected ImageNet's development kit, .tar.gz or folder.")
    if options.only is not None:
        require_file(options.only, "a list of images for --only", DataError)


def _require_source(source: Path) -> None:
    from levit_edge.data.named_sets import is_named_set
    from levit_edge.data.sources.open import require_source

    if not is_named_set(source):
        require_source(source)


def _fetch(name: str, *, json: bool) -> None:
    from levit_edge.data.named_sets import NAMED_SETS, Use, fetch_set

    chosen = NAMED_SETS[name]
    say(chosen.notice, to=stderr)
    with Stages(None if json else TerminalListener()).stage(f"fetch {chosen.name}", total=chosen.size_bytes) as advance:
        there = 0

        def progress(done: int, _total: int | None) -> None:
            nonlocal there
            advance(done - there)
            there = done

        fetch_set(chosen, Use.EVALUATION, progress=progress)

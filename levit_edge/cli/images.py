"""Fetches the public sets of images that a command names, before its work begins."""

from pathlib import Path

from levit_edge.cli.terminal.console import say, stderr
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.system.progress import Stages

__all__ = ["fetch_images"]


def fetch_images(calibration: Path | None, evaluation: Path | None, *, json: bool) -> None:
    """Fetch what is the name of a set and not kept yet, once its source and licence are said.

    Raises:
        DownloadError: it cannot be fetched.
    """
    for source in dict.fromkeys((calibration, evaluation)):
        if source is not None and not source.exists():
            _fetch(source, json=json)


def _fetch(source: Path, *, json: bool) -> None:
    from levit_edge.data.named_sets import NAMED_SETS, Use, fetch_set, is_kept

    chosen = NAMED_SETS.get(str(source))
    if chosen is None or is_kept(chosen):
        return
    say(chosen.notice, to=stderr)
    with Stages(None if json else TerminalListener()).stage(f"fetch {chosen.name}", total=chosen.size_bytes) as advance:
        there = 0

        def progress(done: int, _total: int | None) -> None:
            nonlocal there
            advance(done - there)
            there = done

        fetch_set(chosen, Use.EVALUATION, progress=progress)

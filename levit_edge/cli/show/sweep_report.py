"""`levit-edge report` of a sweep: its table, its page made again, or its document."""

from contextlib import ExitStack
from pathlib import Path

from levit_edge.cli.show.sweep import sweep_table
from levit_edge.cli.terminal.console import print_json, stdout
from levit_edge.documents import to_json
from levit_edge.sweep.outcome.saved import read_results
from levit_edge.system.atomic import reserved, write_whole

__all__ = ["report_sweep"]


def report_sweep(location: str, output: Path | None, *, json: bool) -> None:
    """Show the sweep at `location`, a folder or URL, and write its page to `output`.

    Raises:
        SweepError: there is none, or it is damaged.
        OutputError: the page cannot be written.
        RuntimeUnavailableError: what pages are made with is not installed.
    """
    with ExitStack() as stack:
        if output is not None:
            stack.enter_context(reserved(output, "--output"))
        results = read_results(location)
        if output is not None:
            from levit_edge.sweep.outcome.page import sweep_page

            write_whole(output, sweep_page(results).encode("utf-8", "replace"), "--output")
    if json:
        print_json(to_json(results))
        return
    sweep_table(results, stdout)
    stdout.print(f"page: {output}", markup=False, highlight=False, soft_wrap=True)

"""`levit-edge report`: measurements of boards beside each other, as a table, a page and a figure."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.console import print_json, stdout
from levit_edge.cli.options import JsonOutput
from levit_edge.whole_file import reserved, write_whole

__all__ = ["report"]

PLOT_SUFFIXES = (".png", ".svg")


def report(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT…", help="Files saved by `levit-edge bench --save`, or folders of them."),
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a self-contained page into this .html file.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw into this .png or .svg file.")] = None,
    json: JsonOutput = False,
) -> None:
    """Compare measurements of boards: fp32 and INT8 side by side.

    levit-edge report results/ --output comparison.html
    """
    _require_suffix(output, (".html",), "--output")
    _require_suffix(plot, PLOT_SUFFIXES, "--plot")
    from levit_edge.runtime.board.comparison_rows import comparison_rows
    from levit_edge.runtime.board.saved import load_measurements

    with ExitStack() as stack:
        for path, option in ((output, "--output"), (plot, "--plot")):
            if path is not None:
                stack.enter_context(reserved(path, option))
        measurements = load_measurements(results)
        rows = comparison_rows(measurements)
        if output is not None:
            from levit_edge.runtime.board.comparison_page import comparison_page

            write_whole(output, comparison_page(measurements, rows).encode(), "--output")
        if plot is not None:
            from levit_edge.runtime.board.comparison_plot import comparison_plot

            write_whole(plot, comparison_plot(rows, plot.suffix.lower().removeprefix(".")), "--plot")
    if json:
        from levit_edge.documents import to_json

        print_json({"schema_version": 1, "rows": to_json(rows)})
        return
    from levit_edge.cli.board_table import print_boards

    print_boards(rows, stdout)
    for name, path in (("page", output), ("plot", plot)):
        if path is not None:
            stdout.print(f"{name}: {path}", markup=False, highlight=False, soft_wrap=True)


def _require_suffix(path: Path | None, suffixes: tuple[str, ...], option: str) -> None:
    if path is not None and path.suffix.lower() not in suffixes:
        raise typer.BadParameter(f"{path} does not end in {' or '.join(suffixes)}.", param_hint=option)

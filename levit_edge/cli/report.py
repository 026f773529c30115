"""`levit-edge report`: a bundle's page, bundles beside each other, and measurements of boards."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.cli.console import print_json, show_warning, stdout, suggest
from levit_edge.cli.options import JsonOutput
from levit_edge.whole_file import reserved, write_whole

if TYPE_CHECKING:
    from levit_edge.runtime.board.comparison_rows import ComparisonRow
    from levit_edge.runtime.board.results import Measurement
    from levit_edge.runtime.bundle import Bundle

__all__ = ["report"]

PLOT_SUFFIXES = (".png", ".svg")


def report(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUNDLE|RESULT…",
            help="A bundle, and files saved by `levit-edge bench --save` or folders of them; or such files alone.",
        ),
    ],
    compare: Annotated[
        list[Path] | None,
        typer.Option(metavar="BUNDLE", help="Another bundle to put beside the first; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a self-contained page into this .html file. [default: of a bundle NAME-report.html; of boards"
            " none]",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the boards into this .png or .svg file.")
    ] = None,
    json: JsonOutput = False,
) -> None:
    """Show a bundle's figures, alone or beside others and with measurements of boards; or boards alone.

    levit-edge report my-levit-int8 --compare my-other-int8 results/
    levit-edge report results/ --output comparison.html
    """
    from levit_edge.runtime.bundle import MANIFEST_FILE, Bundle

    bundles = [path for path in paths if (path / MANIFEST_FILE).is_file()]
    results = [path for path in paths if path not in bundles]
    _check(bundles, results, compare or [], plot)
    if bundles and output is None and not json:
        output = Path(f"{bundles[0].resolve().name}-report.html")
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
        opened = [Bundle.open(path) for path in [*bundles, *(compare or [])]]
        if output is not None:
            write_whole(output, _page(opened, measurements, rows).encode(), "--output")
        if plot is not None:
            from levit_edge.runtime.report.boards_plot import boards_plot

            drawing = boards_plot(rows).file(plot.suffix.lower().removeprefix("."))
            write_whole(plot, drawing, "--plot")
    if json:
        print_json(_json(opened, rows))
        return
    _print(opened, measurements, rows)
    for name, path in (("page", output), ("plot", plot)):
        if path is not None:
            stdout.print(f"{name}: {path}", markup=False, highlight=False, soft_wrap=True)
    if output is None and plot is None:
        suggest(("levit-edge", "report", *results, "--output", "comparison.html"))


def _page(bundles: "Sequence[Bundle]", measurements: "Sequence[Measurement]", rows: "Sequence[ComparisonRow]") -> str:
    if not bundles:
        from levit_edge.runtime.report.boards_page import boards_page

        return boards_page(measurements, rows)
    from levit_edge.runtime.report.bundle_page import bundle_page

    return bundle_page(bundles[0], others=bundles[1:], measurements=measurements)


def _json(bundles: "Sequence[Bundle]", rows: "Sequence[ComparisonRow]") -> dict[str, object]:
    from levit_edge.cli.tables import bundle_json
    from levit_edge.documents import to_json
    from levit_edge.runtime.report.bundles import compare, open_all

    document: dict[str, object] = {"schema_version": 1, "rows": to_json(rows)}
    if not bundles:
        return document
    opened = open_all(bundles)
    compared = compare(opened)
    documents = [
        bundle_json(str(each.bundle.path), each.manifest.verification, each.manifest.stages)
        | {"latency": to_json(each.evidence.latency if each.evidence else None)}
        for each in opened
    ]
    return document | {
        "bundles": documents,
        "warnings": list(compared.warnings),
        "differences": to_json(compared.differences),
    }


def _print(bundles: "Sequence[Bundle]", measurements: "Sequence[Measurement]", rows: "Sequence[ComparisonRow]") -> None:
    if bundles:
        from levit_edge.cli.tables import verification_table
        from levit_edge.runtime.report.bundle_page import of_other_bundles
        from levit_edge.runtime.report.bundles import compare, open_all

        opened = open_all(bundles)
        for each in opened:
            stdout.print(each.name, style="bold", markup=False, highlight=False, soft_wrap=True)
            verification_table(each.manifest.verification, stdout)
        for warning in compare(opened).warnings:
            show_warning(warning)
        if strangers := of_other_bundles(bundles[0], measurements):
            show_warning(
                f"{len(strangers)} of {len(measurements)} measurements were made with other files than those of"
                f" {bundles[0].path}."
            )
    if rows:
        from levit_edge.cli.board_table import print_boards

        print_boards(rows, stdout)


def _check(bundles: Sequence[Path], results: Sequence[Path], compare: Sequence[Path], plot: Path | None) -> None:
    if len(bundles) > 1:
        raise typer.BadParameter(
            f"{bundles[0]} and {bundles[1]} are bundles, expected one: give the others with --compare.",
            param_hint="BUNDLE",
        )
    if compare and not bundles:
        raise typer.BadParameter("needs a bundle to compare with.", param_hint="--compare")
    places = [path.resolve() for path in (*bundles, *compare)]
    if len(set(places)) < len(places):
        raise typer.BadParameter("names the same bundle twice.", param_hint="--compare")
    if plot is not None and not results:
        raise typer.BadParameter("draws measurements of boards, and there are none.", param_hint="--plot")


def _require_suffix(path: Path | None, suffixes: tuple[str, ...], option: str) -> None:
    if path is not None and path.suffix.lower() not in suffixes:
        raise typer.BadParameter(f"{path} does not end in {' or '.join(suffixes)}.", param_hint=option)

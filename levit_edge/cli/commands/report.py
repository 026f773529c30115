"""`levit-edge report`: a bundle's page, bundles beside each other, measurements of boards, and sweeps."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.bundle.place import HUB_PREFIX, MANIFEST_FILE, require_bundle
from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.card import Datasets, License, write_card
from levit_edge.cli.options import PLOT_SUFFIXES, JsonOutput, require_suffix
from levit_edge.cli.terminal.console import print_json, say, show_warning, stdout, suggest
from levit_edge.documents import UNPAIRED
from levit_edge.errors import MeasurementError
from levit_edge.model.source import is_hub_id
from levit_edge.places import found_at
from levit_edge.system.atomic import reserved, write_whole
from levit_edge.text import counted, shortened

if TYPE_CHECKING:
    from levit_edge.benchmark.comparison import ComparisonRow
    from levit_edge.benchmark.measurement import Measurement
    from levit_edge.bundle.reader import Bundle

__all__ = ["report"]

LONGEST_NAME = 100


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="BUNDLE|RESULT…|SWEEP",
        help="A bundle, and files saved by `levit-edge bench --save` or folders of them; or such files alone; or"
        " what `levit-edge sweep --output` wrote, a folder or a URL.",
    ),
]
Compare = Annotated[
    list[Path] | None, typer.Option(metavar="BUNDLE", help="Another bundle to put beside the first; may be repeated.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write a self-contained page into this .html file. [default: of a bundle or a sweep NAME-report.html,"
        " of bundles NAME-vs-OTHER.html; with boards NAME-boards.html, NAME-vs-OTHER-boards.html; of boards none]",
    ),
]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the boards into this .png or .svg file.")]
Card = Annotated[
    bool,
    typer.Option(
        "--card",
        help="Write the bundle's model card instead: README.md in its folder, as the Hugging Face hub has it.",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def report(
    paths: Paths,
    compare: Compare = None,
    output: Output = None,
    plot: Plot = None,
    card: Card = False,
    license_id: License = None,
    datasets: Datasets = None,
    open_page: Open = False,
    json: JsonOutput = False,
) -> None:
    """Show a bundle's figures, alone or beside others and with measurements of boards; boards alone; or a sweep."""
    require_suffix(output, (".md",) if card else (".html",), "--output")
    require_suffix(plot, PLOT_SUFFIXES, "--plot")
    paths, compare = [_at_hand(path) for path in paths], [Path(_at_hand(str(path))) for path in compare or []]
    _require_there(paths, compare)
    from levit_edge.sweep.outcome.saved import is_sweep, sweep_name

    sweeps = [path for path in paths if is_sweep(path)]
    bundles = [Path(path) for path in paths if path not in sweeps and (Path(path) / MANIFEST_FILE).is_file()]
    results = [Path(path) for path in paths if path not in sweeps and Path(path) not in bundles]
    _check(bundles, results, compare, plot, sweeps)
    _check_card(
        bundles, {"--license": license_id, "--dataset": datasets}, card=card, not_with=compare or plot or open_page
    )
    if card:
        write_card(bundles[0], results, output, license_id, datasets or (), json=json)
        return
    if output is None and not json and (sweeps or bundles):
        shown = [*bundles, *compare]
        output = Path(f"{sweep_name(sweeps[0])}-report.html" if sweeps else f"{_name(shown, results)}.html")
    if output is None and open_page:
        raise typer.BadParameter("shows a page, and none would be written: give --output.", param_hint="--open")
    with ExitStack() as stack:
        for path, option in ((output, "--output"), (plot, "--plot")):
            if path is not None:
                stack.enter_context(reserved(path, option))
        if sweeps:
            _report_sweep(sweeps[0], output, json=json)
        else:
            _report([*bundles, *compare], results, output, plot, json=json)
    if not json:
        _say_what_is_written(output, plot, results)
    if output is not None and open_page:
        _open(output)


def _at_hand(path: str) -> str:
    """A path or an address as it is; a bundle of the hub is fetched."""
    return str(bundle_at_hand(Path(path))) if path.startswith(HUB_PREFIX) else path


def _name(bundles: Sequence[Path], results: Sequence[Path]) -> str:
    """Of a page of a bundle or of it beside others, each also with boards: none takes another's place."""
    first, *others = (bundle.resolve() for bundle in bundles)
    if not others:
        return f"{first.name}-{'boards' if results else 'report'}"
    names = [other.name if other.name != first.name else f"{other.parent.name}-{other.name}" for other in others]
    beside = shortened("-vs-".join([first.name, *names]), LONGEST_NAME).replace("…", "--")
    return f"{beside}-boards" if results else beside


def _report_sweep(location: str, output: Path | None, *, json: bool) -> None:
    from levit_edge.cli.show.sweep import sweep_table
    from levit_edge.documents import to_json
    from levit_edge.sweep.outcome.saved import read_results

    results = read_results(location)
    if output is not None:
        from levit_edge.sweep.outcome.page import sweep_page

        write_whole(output, sweep_page(results).encode("utf-8", UNPAIRED), "--output")
    if json:
        print_json(to_json(results))
    else:
        sweep_table(results, stdout)


def _report(
    bundles: Sequence[Path], results: Sequence[Path], output: Path | None, plot: Path | None, *, json: bool
) -> None:
    """Of bundles, the first beside the others, and of measurements."""
    from levit_edge.benchmark.comparison import comparison_rows
    from levit_edge.benchmark.files import load_measurements
    from levit_edge.bundle.reader import Bundle

    measurements = load_measurements(results)
    rows = comparison_rows(measurements)
    opened = [Bundle.open(path) for path in bundles]
    if output is not None:
        write_whole(output, _page(opened, measurements, rows).encode("utf-8", UNPAIRED), "--output")
    if plot is not None:
        from levit_edge.report.boards_page import boards_plot

        boards_plot(rows).write(plot)
    if json:
        print_json(_json(opened, rows))
    else:
        _print(opened, measurements, rows)


def _say_what_is_written(output: Path | None, plot: Path | None, results: Sequence[Path]) -> None:
    for name, path in (("page", output), ("plot", plot)):
        if path is not None:
            say(f"{name}: {path}")
    if output is None and plot is None:
        suggest(("levit-edge", "report", *results, "--output", "comparison.html"))


def _open(page: Path) -> None:
    """Show a page in the user's browser, or say that there is none."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        show_warning(f"no browser could be started: open {page.resolve()} yourself.")


def _page(bundles: "Sequence[Bundle]", measurements: "Sequence[Measurement]", rows: "Sequence[ComparisonRow]") -> str:
    if not bundles:
        from levit_edge.report.boards_page import boards_page

        return boards_page(measurements, rows)
    from levit_edge.report.bundle_page import bundle_page

    return bundle_page(bundles[0], others=bundles[1:], measurements=measurements)


def _json(bundles: "Sequence[Bundle]", rows: "Sequence[ComparisonRow]") -> dict[str, object]:
    from levit_edge.cli.show.tables import bundle_json
    from levit_edge.documents import to_json
    from levit_edge.report.bundles import compare, open_all

    document: dict[str, object] = {"schema_version": 1, "rows": to_json(rows)}
    if not bundles:
        return document
    opened = open_all(bundles)
    compared = compare(opened)
    documents = [
        bundle_json(bundle, each.manifest.verification, each.manifest.stages)
        | {"latency": to_json(each.report_data.latency if each.report_data else None)}
        for bundle, each in zip(bundles, opened, strict=True)
    ]
    differences = to_json(compared.differences)
    told = {"identical": list(compared.identical), "warnings": list(compared.warnings)}
    return document | {"bundles": documents, **told, "differences": differences}


def _print(bundles: "Sequence[Bundle]", measurements: "Sequence[Measurement]", rows: "Sequence[ComparisonRow]") -> None:
    if bundles:
        from levit_edge.cli.show.tables import verification_table
        from levit_edge.report.bundle_page import of_other_bundles
        from levit_edge.report.bundles import compare, open_all

        opened = open_all(bundles)
        for bundle in opened:
            say(bundle.name, "bold")
            verification_table(bundle.manifest.verification, stdout)
        compared = compare(opened)
        for each in compared.identical:
            say(each, wrap=True)
        for warning in compared.warnings:
            show_warning(warning)
        if strangers := of_other_bundles(bundles[0], measurements):
            show_warning(
                f"made with other files than those of {bundles[0].path}:"
                f" {len(strangers)} of {counted(len(measurements), 'measurement')}."
            )
    if rows:
        from levit_edge.cli.show.board import print_boards

        print_boards(rows, stdout)


def _check(
    bundles: Sequence[Path],
    results: Sequence[Path],
    compare: Sequence[Path],
    plot: Path | None,
    sweeps: Sequence[str],
) -> None:
    if sweeps and (len(sweeps) > 1 or bundles or results or compare or plot):
        raise typer.BadParameter(
            f"{sweeps[0]} is a sweep, which is shown alone: without others, --compare and --plot.", param_hint="SWEEP"
        )
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


def _check_card(bundles: Sequence[Path], of_cards: dict[str, object], *, card: bool, not_with: object) -> None:
    if card and (not bundles or not_with):
        raise typer.BadParameter(
            "is of one bundle, also with measurements; without --compare, --plot and --open.", param_hint="--card"
        )
    for option, value in of_cards.items():
        if value and not card:
            raise typer.BadParameter("goes with --card.", param_hint=option)


def _require_there(paths: Sequence[str], compare: Sequence[Path]) -> None:
    """Refuse what is not there, or a file that holds no measurement, by its name."""
    for path in paths:
        found = found_at(Path(path))
        if "://" not in path and found != "is a folder" and not (found == "is a file" and path.endswith(".json")):
            of_hub = f" A bundle of the Hugging Face hub is called {HUB_PREFIX}{path}." if is_hub_id(path) else ""
            raise MeasurementError(
                f"{path} {found}; expected a bundle, a sweep's folder, or what `levit-edge bench --save` wrote: .json"
                f" files or folders of them.{of_hub}"
            )
    for bundle in compare:
        require_bundle(bundle)

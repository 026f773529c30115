"""`levit-edge bench`: measure a bundle on this computer or on boards."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.options import (
    BundlePath,
    JsonOutput,
    Precisions,
    Python,
    RuntimeChoice,
    SshConfig,
    Target,
    Timeout,
    require_ssh_config,
)
from levit_edge.cli.terminal.console import print_json, say, show_error, stdout, suggest
from levit_edge.cli.terminal.progress import board_progress, progress_bars
from levit_edge.errors import BoardError, ExitStatus, LevitEdgeError
from levit_edge.system.atomic import require_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from levit_edge.benchmark.measurement import Measurement
    from levit_edge.board.fleet import Board
    from levit_edge.board.measure import BenchmarkSettings
    from levit_edge.board.transports.transport import Transport
    from levit_edge.bundle.reader import Bundle

__all__ = ["bench"]


Fleet = Annotated[
    Path | None, typer.Option(metavar="TOML", help="Boards to measure at once: a [[board]] with `on = …` for each.")
]
Threads = Annotated[
    str | None,
    typer.Option(metavar="N,…", help="Numbers of threads. [default: 1 and the number of cores, at most 4; emulated 1]"),
]
Runs = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Timed runs of each file, in up to 20 turns. [default: 100; emulated 2]"),
]
Sustained = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="Then work so long without a pause, to show throttling.")
]
Profiled = Annotated[
    bool,
    typer.Option("--profile", help="Then say where the time goes, by operator and block. ONNX files, on real boards."),
]
MaxLatency = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="MS",
        help="Gate: fail with exit status 4 if the fastest INT8 median takes longer. Not for emulated boards.",
    ),
]
Save = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write one JSON for each board there, made to be shared.")
]
Setup = Annotated[
    bool, typer.Option("--setup", help="First make a private Python environment with the runtimes on the board.")
]
Offline = Annotated[
    bool, typer.Option("--offline", help="With --setup: fetch packages here and send them to a board without network.")
]


def bench(
    bundle: BundlePath,
    on: Target = None,
    fleet: Fleet = None,
    threads: Threads = None,
    runs: Runs = None,
    runtime: RuntimeChoice = None,
    precision: Precisions = None,
    sustained: Sustained = 0,
    profile: Profiled = False,
    max_latency_ms: MaxLatency = None,
    save: Save = None,
    setup: Setup = False,
    offline: Offline = False,
    python: Python = None,
    ssh_config: SshConfig = None,
    timeout: Timeout = None,
    json: JsonOutput = False,
) -> int:
    """Time a bundle's fp32 and INT8 files where they will run, after checking what they compute there.

    A board needs an ssh server (or adb) and Python 3.9; nothing stays on it but what --setup installs.
    """
    _check(on, fleet, setup=setup, offline=offline)
    _require_paths(save, ssh_config)
    counts, bundle = _numbers(threads), bundle_at_hand(bundle)
    from levit_edge.board.fleet import Board, read_fleet, side_by_side
    from levit_edge.board.measure import BenchmarkSettings
    from levit_edge.board.setup import set_up
    from levit_edge.board.transports.target import open_target
    from levit_edge.bundle.from_hub import name_of
    from levit_edge.bundle.reader import Bundle

    boards = read_fleet(fleet) if fleet is not None else tuple(Board(on=each) for each in on or ["local"])
    opened = Bundle.open(bundle)
    with progress_bars(transient=True, quiet=json) as bars:

        def work(board: Board) -> "Measurement":
            settings = BenchmarkSettings(
                runtimes=tuple(runtime) if runtime else None,
                precisions=tuple(precision) if precision else None,
                threads=board.threads or counts,
                runs=runs,
                sustained_s=sustained,
                profile=profile,
                max_latency_ms=max_latency_ms,
                timeout_s=timeout,
            )
            progress = None if json else board_progress(bars, board.on if len(boards) > 1 else "")
            if board.on == "web":
                needs_nothing = not setup and (board.python or python) is None
                return _measure_in_browser(opened, settings, progress, needs_nothing=needs_nothing)
            transport = open_target(board.on, python=board.python or python, ssh_config=ssh_config)
            if setup:
                set_up(transport, runtime, offline=offline, progress=progress)
            return _measure(opened, transport, settings, progress)

        outcomes = side_by_side(boards, work)
    again = (name_of(bundle), *(word for each in on or () for word in ("--on", each)))
    return _finish(boards, outcomes, save, json=json, again=again)


def _finish(
    boards: "Sequence[Board]",
    outcomes: "Sequence[Measurement | LevitEdgeError]",
    save: Path | None,
    *,
    json: bool,
    again: tuple[object, ...],
) -> ExitStatus:
    errors = [each for each in outcomes if isinstance(each, LevitEdgeError)]
    measured = [each for each in outcomes if not isinstance(each, LevitEdgeError)]
    if errors and len(boards) == 1:
        raise errors[0]
    _show(measured, save, _document(boards, outcomes) if json else None, again=again)
    return _ended(measured, errors)


def _measure(bundle: "Bundle", transport: "Transport", settings: "BenchmarkSettings", progress: Any) -> "Measurement":
    from levit_edge.board.android.app import measure_by_agent_or_app
    from levit_edge.board.emulation.emulated import measure_emulated
    from levit_edge.board.transports.qemu import QemuTransport

    if isinstance(transport, QemuTransport):
        return measure_emulated(bundle, transport, settings, progress)
    return measure_by_agent_or_app(bundle, transport, settings, progress)


def _measure_in_browser(
    bundle: "Bundle", settings: "BenchmarkSettings", progress: Any, *, needs_nothing: bool
) -> "Measurement":
    from levit_edge.board.web.browser import measure_in_browser

    if not needs_nothing:
        raise BoardError(
            "web: a page brings what it needs, and runs no Python: leave --setup and --python out, or give them to"
            " other boards alone."
        )
    return measure_in_browser(bundle, settings, progress)


def _show(measured: "Sequence[Measurement]", save: Path | None, document: object, *, again: tuple[object, ...]) -> None:
    """Save what was measured, print it or the `document` of it; `again` are the words that measure it again."""
    from levit_edge.benchmark.files import save as save_measurement
    from levit_edge.cli.show.bench import bench_table

    saved = [] if save is None else [save_measurement(each, save) for each in measured]
    if document is not None:
        print_json(document)
        return
    for each in measured:
        bench_table(each, stdout)
    for path in saved:
        say(f"saved {path}")
    if saved:
        suggest(("levit-edge", "report", save, "--output", "comparison.html"))
    elif measured:
        suggest(("levit-edge", "bench", *again, "--save", "results"))


def _ended(measured: "Sequence[Measurement]", errors: "Sequence[LevitEdgeError]") -> ExitStatus:
    for error in errors:
        show_error(str(error))
    missed = any(each.gate.passed is False for each in measured)
    return ExitStatus.BAD_INPUT if errors else ExitStatus.GATE_FAILED if missed else ExitStatus.DONE


def _check(on: list[str] | None, fleet: Path | None, *, setup: bool, offline: bool) -> None:
    if offline and not setup:
        raise typer.BadParameter("goes with --setup.", param_hint="--offline")
    if fleet is not None and on:
        raise typer.BadParameter("give --on or --fleet, not both.", param_hint="--fleet")
    if setup and fleet is None and not {"local", "web"}.isdisjoint(on or ["local"]):
        raise typer.BadParameter(
            "is for boards: this computer has what levit-edge was installed with, and a page brings its own.",
            param_hint="--setup",
        )


def _require_paths(save: Path | None, ssh_config: Path | None) -> None:
    if save is not None:
        require_folder(save, "--save")
    require_ssh_config(ssh_config)


def _numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        numbers = tuple(dict.fromkeys(int(each) for each in text.split(",")))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(f"{text!r} is not a list of numbers from 1, such as 1,2,4.", param_hint="--threads")
    return numbers


def _document(boards: "Sequence[Board]", outcomes: "Sequence[Measurement | LevitEdgeError]") -> Any:
    """What --json prints: the measurement of one board, or a list of boards."""
    from levit_edge.documents import to_json

    found = [
        {"target": board.on, "error": str(each)} if isinstance(each, LevitEdgeError) else to_json(each)
        for board, each in zip(boards, outcomes, strict=True)
    ]
    return found[0] if len(found) == 1 else {"schema_version": 1, "boards": found}

"""`levit-edge serve`: the page of a bundle for the browsers of a network, and the times that they send back."""

import io
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.bundle.place import require_bundle
from levit_edge.cli.options import BundlePath
from levit_edge.cli.terminal.console import say, show_note, show_warning, stdout, suggest
from levit_edge.cli.web_runtime import note_fetch
from levit_edge.errors import LevitEdgeError
from levit_edge.system.atomic import require_folder
from levit_edge.text import counted

if TYPE_CHECKING:
    from levit_edge.benchmark.measurement import Measurement

__all__ = ["serve"]

PORT = 8765
POLL_S = 0.5
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    bundle: BundlePath,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0: wherever this computer is reached from."),
    ] = LOOPBACK[0],
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0: any that is free.")] = PORT,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one JSON for each result there, made to be shared.")
    ] = None,
) -> None:
    """Serve the page of a bundle until Ctrl-C, and take the benchmarks that are sent back from it."""
    require_bundle(bundle)
    if save is not None:
        require_folder(save, "--save")
    from levit_edge.benchmark.measurement import Measurement
    from levit_edge.board.web.page import page_to_serve
    from levit_edge.board.web.results import read_result
    from levit_edge.board.web.server import served
    from levit_edge.bundle.reader import Bundle

    opened, results = Bundle.open(bundle), list[Measurement]()

    def take(content: bytes) -> None:
        try:
            measurement = read_result(content, opened)
            _note(measurement, save)
        except LevitEdgeError as error:
            show_warning(f"a result was not taken: {error}")
            raise
        results.append(measurement)

    note_fetch()
    with served(page_to_serve(opened), take, host, port) as server, suppress(KeyboardInterrupt):
        _say_where(server.address, host)
        never = threading.Event()
        while not never.wait(POLL_S):  # a signal that comes right before a wait without end would not end it
            pass
    say(f"ended; {counted(len(results), 'result')} taken.")
    if save is not None and results:
        suggest(("levit-edge", "report", save, "--output", "comparison.html"))


def _say_where(address: str, host: str) -> None:
    say(address)
    if host in LOOPBACK:
        say("Reachable from this computer alone; for phones: --host 0.0.0.0")
    else:
        say(
            "Reachable by whoever is in this network and has the whole address. Not encrypted: for a network you trust."
        )
        _say_code(address)
    say("Ctrl-C ends it.")


def _say_code(address: str) -> None:
    """The address as a QR code, for a phone's camera."""
    try:
        import segno
    except ImportError:
        show_note("with `pip install 'levit-edge[web]'` there is a QR code of the address here.")
        return
    code = io.StringIO()
    segno.make(address, error="l", micro=False).terminal(out=code, compact=True)
    stdout.file.write(code.getvalue())


def _note(measurement: "Measurement", save: Path | None) -> None:
    """A line for each file, as it comes."""
    from levit_edge.benchmark.files import save as save_measurement

    device = measurement.device
    for each in measurement.results:
        if each.latency_ms is not None:
            say(
                f"{device.system}, {device.kernel}: {each.artifact}, {counted(each.threads, 'thread')},"
                f" p50 {each.latency_ms.p50:.2f} ms, p90 {each.latency_ms.p90:.2f} ms"
            )
    if save is not None:
        say(f"saved {save_measurement(measurement, save)}")

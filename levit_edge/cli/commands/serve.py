"""`levit-edge serve`: the page of a bundle for the browsers of a network, and the times that they send back."""

import hashlib
import io
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.options import BundlePath
from levit_edge.cli.terminal.console import say, show_note, show_warning, stdout, suggest
from levit_edge.cli.web_runtime import note_fetch
from levit_edge.errors import LevitEdgeError
from levit_edge.system.atomic import require_folder
from levit_edge.text import counted, shortened, text

if TYPE_CHECKING:
    from levit_edge.benchmark.measurement import Measurement
    from levit_edge.board.web.server import PageServer
    from levit_edge.bundle.reader import Bundle

__all__ = ["serve"]

PORT = 8765
POLL_S = 0.5
LOOPBACK = "127.0.0.1"
MOST_TEXT = 500
LONGEST_NAME = 200


def serve(
    bundle: BundlePath,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0: wherever this computer is reached from."),
    ] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0: any that is free.")] = PORT,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one JSON for each result there, made to be shared.")
    ] = None,
) -> None:
    """Serve the page of a bundle until Ctrl-C, and take the benchmarks that are sent back from it."""
    bundle = bundle_at_hand(bundle)
    if save is not None:
        require_folder(save, "--save")
    from levit_edge.board.web.page import page_to_serve
    from levit_edge.board.web.server import served
    from levit_edge.bundle.reader import Bundle

    opened = Bundle.open(bundle)
    desk = _Desk(opened, save)

    def make_page() -> bytes:
        note_fetch()
        show_note("making the page, which takes some seconds.")
        return page_to_serve(opened)

    with served(make_page, desk.take, host, port, desk.note) as server, suppress(KeyboardInterrupt):
        _say_where(server)
        desk.wait()
    say(f"ended; {counted(desk.taken, 'result')} taken.")
    if save is not None and desk.taken:
        suggest(("levit-edge", "report", save, "--output", "comparison.html"))


class _Desk:
    """Takes results: first they are saved, then shown."""

    def __init__(self, bundle: "Bundle", save: Path | None) -> None:
        self._taken: set[bytes] = set()
        self._addresses: dict[str, list[str]] = {}  # of the devices of one name, in the order of their first results
        self._bundle, self._save = bundle, save
        self._fault: OSError | None = None
        self._unheard = threading.Event()

    @property
    def taken(self) -> int:
        """How many results, each counted once."""
        return len(self._taken)

    def wait(self) -> None:
        """Until Ctrl-C.

        Raises:
            OSError: what would be shown, nobody reads any more.
        """
        while not self._unheard.wait(POLL_S):  # a signal that comes right before a wait without end would not end it
            pass
        if self._fault is not None:
            raise self._fault

    def take(self, content: bytes, address: str) -> None:
        """Called from other threads."""
        from levit_edge.benchmark.files import save
        from levit_edge.board.web.results import read_result

        digest = hashlib.sha256(content).digest()
        if digest in self._taken:
            self.note("a result came once more: it counts once.")
            return
        try:
            measurement = self._told_apart(read_result(content, self._bundle), address)
            path = None if self._save is None else save(measurement, self._save)
        except Exception as error:
            why = str(error) if isinstance(error, LevitEdgeError) else f"{type(error).__name__}: {error}"
            self._tell(lambda: show_warning(f"a result was not taken: {text(why, MOST_TEXT)}"))
            raise
        self._taken.add(digest)
        self._tell(lambda: _show(measurement, path))

    def _told_apart(self, measurement: "Measurement", address: str) -> "Measurement":
        """With a number behind the device's name if another address has sent one of that name: phones of one kind."""
        device = measurement.device
        addresses = self._addresses.setdefault(device.model, [])
        if address not in addresses:
            addresses.append(address)
        number = addresses.index(address) + 1
        if number == 1:
            return measurement
        return replace(measurement, device=replace(device, model=f"{shortened(device.model, LONGEST_NAME)} ({number})"))

    def note(self, line: str) -> None:
        """What befell somebody."""
        self._tell(lambda: show_note(line))

    def _tell(self, show: Callable[[], None]) -> None:
        try:
            show()
        except OSError as error:
            self._fault = error
            self._unheard.set()


def _say_where(server: "PageServer") -> None:
    say(server.address)
    if server.for_this_computer:
        say("Reachable from this computer alone; for phones: --host 0.0.0.0")
    else:
        say(
            "Reachable by whoever is in this network and has the whole address. Not encrypted: for a network you trust."
        )
        _say_code(server.address)
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


def _show(measurement: "Measurement", path: Path | None) -> None:
    """As it comes: a table of its files and what was found, as `bench` shows it."""
    from levit_edge.cli.show.bench import bench_table

    bench_table(measurement, stdout)
    if path is not None:
        say(f"saved {path}")

"""Serves one page and takes what it sends back, and nothing else: no path of a request reaches the disk.

Both lie under a secret in the address, made anew for each server: who was not given the address gets nothing.
"""

import hmac
import io
import re
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

from levit_edge.board.web.results import MAX_RESULT_BYTES
from levit_edge.errors import BoardError, LevitEdgeError

__all__ = ["LOOPBACK", "PageServer", "served"]

LOOPBACK = "127.0.0.1"
MOST_CONNECTIONS, MOST_OF_ONE = 64, 16
"""At once, and from one address; others are closed unanswered."""
MOST_RESULTS = 1000
"""Of one server, good and bad: whoever has the address can send no more."""
TIMEOUT_S = 30
"""For a whole request, and for each part of an answer."""
PART_BYTES = 1 << 16
"""Of an answer: over 17 kbit/s are enough."""
ENDING_S = 10
"""For a result that is being taken when the server ends."""
DOCUMENTATION_NET = "192.0.2.1"  # RFC 5737: nobody's
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
FOR_THREADS = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Opener-Policy": "same-origin"}
"""Where browsers heed them: under this computer's own names, as what comes over http from elsewhere is not trusted."""
OWN_HOST = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?")
Take = Callable[[bytes, str], None]
"""What is done with the content of a result from an address; a LevitEdgeError is answered with its message."""
Tell = Callable[[str], None]


class PageServer(ThreadingHTTPServer):
    """The `page` at `address`, results at `results` beside it."""

    daemon_threads = True  # a client that stays connected keeps nothing from ending
    block_on_close = False

    def __init__(self, take: Take, host: str, port: int, tell: Tell = lambda _line: None) -> None:
        """`port` 0: any. `tell` is told what befalls those who have the address.

        Raises:
            BoardError: nothing can listen there.
        """
        self.page, self.take, self.tell = b"", take, tell
        self.path = f"/{secrets.token_urlsafe(16)}/"
        self.taken, self.ending = 0, False
        self.lock = threading.Lock()
        self._connected: Counter[str] = Counter()
        self._counting = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BoardError(f"{host}, port {port}: {reason}. Choose another --port, or another --host.") from error

    @property
    def address(self) -> str:
        """For others, where they can reach it; for this computer alone on loopback."""
        host = _own_address() if self.server_address[0] in {"0.0.0.0", "::"} else str(self.server_address[0])  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}{self.path}"

    @property
    def for_this_computer(self) -> bool:
        """Whether no other computer reaches it."""
        return ip_address(str(self.server_address[0])).is_loopback

    def end(self) -> None:
        """Take no more results, but let one that is being taken be taken."""
        self.ending = True
        if self.lock.acquire(timeout=ENDING_S):
            self.lock.release()

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, if there are not too many."""
        client = str(client_address[0])
        with self._counting:
            many = self._connected.total() >= MOST_CONNECTIONS or self._connected[client] >= MOST_OF_ONE
            self._connected[client] += not many
        if many:
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As `ThreadingHTTPServer`."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._counting:
                self._connected[str(client_address[0])] -= 1
                self._connected += Counter()  # keeps those above 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break off: nobody has to know."""


@contextmanager
def served(
    make_page: Callable[[], bytes], take: Take, host: str = LOOPBACK, port: int = 0, tell: Tell = lambda _line: None
) -> Iterator[PageServer]:
    """Serve a page while the body runs; results go to `take`, one at a time, from another thread.

    The page is made when it is certain that it can be served, as that takes minutes.

    Raises:
        BoardError: nothing can listen there.
    """
    with PageServer(take, host, port, tell) as server:
        server.page = make_page()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            server.end()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = TIMEOUT_S
    server_version = "levit-edge"
    sys_version = ""

    def setup(self) -> None:
        """Requests are read until a time limit, however slowly they come."""
        super().setup()
        self.rfile = io.BufferedReader(_UntilDeadline(self.connection, TIMEOUT_S))

    def do_GET(self) -> None:
        if self._is("", "GET"):
            self._answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        if not self._is("results", "POST"):
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._say(HTTPStatus.LENGTH_REQUIRED, "say how long it is")
        elif len(length) > 9 or int(length) > MAX_RESULT_BYTES:
            self.server.tell(f"{self.client_address[0]} sent too much: at most {MAX_RESULT_BYTES:,} bytes are taken.")
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_RESULT_BYTES:,} bytes are taken")
        else:
            self._take(self.rfile.read(int(length)))

    def _take(self, content: bytes) -> None:
        server = self.server
        with server.lock:  # one after the other
            if server.ending:
                self._say(HTTPStatus.SERVICE_UNAVAILABLE, "this server ends: no more results are taken")
                return
            if server.taken >= MOST_RESULTS:
                self._say(HTTPStatus.TOO_MANY_REQUESTS, f"{MOST_RESULTS:,} results have come: no more are taken")
                return
            server.taken += 1
            try:
                server.take(content, str(self.client_address[0]))
            except LevitEdgeError as error:
                self._say(HTTPStatus.BAD_REQUEST, str(error))
                return
            except Exception:  # whoever takes results tells of it
                self._say(HTTPStatus.INTERNAL_SERVER_ERROR, "it could not be taken: see what levit-edge says there")
                return
        self._say(HTTPStatus.OK, "taken")

    def _is(self, name: str, method: str) -> bool:
        """Whether that is asked for; if not, it is answered."""
        found = self.path.partition("?")[0].encode("utf-8", "replace")
        if hmac.compare_digest(found, f"{self.server.path}{name}".encode()):
            return True
        self._say(HTTPStatus.NOT_FOUND, f"nothing to {method} here: open the whole address that levit-edge printed")
        return False

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, f"{text}\n".encode("utf-8", "replace"), "text/plain; charset=utf-8")

    def _answer(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.connection.settimeout(TIMEOUT_S)
        self.send_response(status)
        threads = FOR_THREADS if OWN_HOST.fullmatch(self.headers.get("Host", "")) else {}
        for name, value in {**HEADERS, **threads, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send(content)

    def _send(self, content: bytes) -> None:
        """In parts: the socket's time limit is for all that it is given at once."""
        for start in range(0, len(content), PART_BYTES):
            try:
                self.wfile.write(content[start : start + PART_BYTES])
            except OSError:
                if content is self.server.page:
                    sent = f"{start / 1e6:.1f} of {len(content) / 1e6:.1f} MB"
                    self.server.tell(f"{self.client_address[0]} got {sent} of the page, then the connection broke off.")
                raise

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - BaseHTTPRequestHandler's
        """Nothing: what is worth telling is told where results are taken."""


class _UntilDeadline(io.RawIOBase):
    """What a socket receives within some seconds from now."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection, self._deadline = connection, time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


def _own_address() -> str:
    """This computer's address in its network, as far as it has one; nothing is sent for that."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((DOCUMENTATION_NET, 1))
        return str(probe.getsockname()[0])
    return socket.gethostname()

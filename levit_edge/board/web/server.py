"""Serves one page and takes what it sends back, and nothing else: no path of a request reaches the disk.

Both lie under a secret in the address, made anew for each server: who was not given the address gets nothing.
"""

import hmac
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from levit_edge.board.web.results import MAX_RESULT_BYTES
from levit_edge.errors import BoardError, LevitEdgeError

__all__ = ["LOOPBACK", "PageServer", "served"]

LOOPBACK = "127.0.0.1"
MOST_CONNECTIONS = 64
"""At once; others are closed unanswered."""
MOST_RESULTS = 1000
"""Of one server, good and bad: whoever has the address can send no more."""
TIMEOUT_S = 30
"""For one piece of a request."""
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
Take = Callable[[bytes], None]
"""What is done with the content of a result; a LevitEdgeError is answered with its message."""


class PageServer(ThreadingHTTPServer):
    """The page at `address`, results at `results` beside it."""

    daemon_threads = True  # a client that stays connected keeps nothing from ending
    block_on_close = False

    def __init__(self, page: bytes, take: Take, host: str, port: int) -> None:
        """`port` 0: any.

        Raises:
            BoardError: nothing can listen there.
        """
        self.page, self.take = page, take
        self.path = f"/{secrets.token_urlsafe(16)}/"
        self.taken = 0
        self.lock = threading.Lock()
        self._connections = threading.BoundedSemaphore(MOST_CONNECTIONS)
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

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, if there are not too many."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As `ThreadingHTTPServer`."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break off: nobody has to know."""


@contextmanager
def served(page: bytes, take: Take, host: str = LOOPBACK, port: int = 0) -> Iterator[PageServer]:
    """Serve `page` while the body runs; results go to `take`, one at a time, from another thread.

    Raises:
        BoardError: nothing can listen there.
    """
    with PageServer(page, take, host, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = TIMEOUT_S
    server_version = "levit-edge"
    sys_version = ""

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
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_RESULT_BYTES:,} bytes are taken")
        else:
            self._take(self.rfile.read(int(length)))

    def _take(self, content: bytes) -> None:
        server = self.server
        with server.lock:  # one after the other
            if server.taken >= MOST_RESULTS:
                self._say(HTTPStatus.TOO_MANY_REQUESTS, f"{MOST_RESULTS:,} results have come: no more are taken")
                return
            server.taken += 1
            try:
                server.take(content)
            except LevitEdgeError as error:
                self._say(HTTPStatus.BAD_REQUEST, str(error))
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
        self.send_response(status)
        threads = FOR_THREADS if OWN_HOST.fullmatch(self.headers.get("Host", "")) else {}
        for name, value in {**HEADERS, **threads, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - BaseHTTPRequestHandler's
        """Nothing: what is worth telling is told where results are taken."""


def _own_address() -> str:
    """This computer's address in its network, as far as it has one; nothing is sent for that."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((DOCUMENTATION_NET, 1))
        return str(probe.getsockname()[0])
    return socket.gethostname()

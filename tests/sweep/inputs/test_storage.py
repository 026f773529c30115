"""What is said of a file that is not there, and of a server that could not be asked for it."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from levit_edge.errors import DataError
from levit_edge.sweep.inputs.storage import reported, signature

DISCONNECTS = "disconnects"


class Answering(BaseHTTPRequestHandler):
    """Answers with the status that the path names, or not at all."""

    def do_HEAD(self) -> None:
        status = self.path.strip("/")
        if status != DISCONNECTS:
            self.send_response(int(status))
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The host and port of a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def looked_up(url: str) -> str | None:
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url, use_listings_cache=False)
    with reported("it"):
        return signature(system, path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("401", "it: the server answers 401 Unauthorized"),
        ("403", "it: the server answers 403 Forbidden"),
        ("503", "it: the server answers 503 Service Unavailable"),
        (DISCONNECTS, "it: no connection: Server disconnected"),
    ],
)
def test_a_server_that_does_not_let_look_is_told(path: str, message: str) -> None:
    with serving() as place, pytest.raises(DataError) as caught:
        looked_up(f"http://{place}/{path}")
    assert str(caught.value) == message


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_a_server_has_not_is_none(status: int) -> None:
    with serving() as place:
        assert looked_up(f"http://{place}/{status}") is None


def test_what_tls_says_is_told_in_its_words() -> None:
    with (
        serving() as place,
        pytest.raises(DataError, match=r"^it: no connection: \[SSL: \w+\] [\w ]+ \(_ssl\.c:\d+\)$"),
    ):
        looked_up(f"https://{place}/200")


class HubError(OSError):
    """As huggingface_hub's of a repository that is not there."""

    def __str__(self) -> str:
        return "404 Client Error. (Request ID: Root=1)\n\nRepository Not Found for url: …\nPlease make sure\n" * 9


class Failing:
    """A file system that fails in some way."""

    protocol = "failing"

    def __init__(self, cause: Exception | None) -> None:
        self._cause = cause

    def info(self, path: str) -> Any:
        raise FileNotFoundError(path) from self._cause


@pytest.mark.parametrize(
    "cause", [HubError(), HubError("x"), PermissionError(13, "Permission denied"), KeyError("x"), None]
)
def test_only_faults_of_the_connection_are_in_the_way(cause: Exception | None) -> None:
    assert signature(Failing(cause), "x") is None
    with pytest.raises(DataError, match=r"^it: it does not exist$"), reported("it"):
        Failing(cause).info("x")


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (TimeoutError(), "TimeoutError"),
        (TimeoutError("it took\n too long"), "it took too long"),
        (ConnectionResetError(104, "odd words"), "Connection reset by peer"),
        (ConnectionError("of no number"), "of no number"),
        (socket.gaierror(8, "nodename nor servname provided"), "nodename nor servname provided"),  # 8 as on macOS
        (ssl.SSLCertVerificationError(1, "certificate verify failed: expired"), "certificate verify failed: expired"),
        (ConnectionError("x" * 999), "x" * (300 - len("no connection: "))),
    ],
)
def test_a_fault_of_the_connection_is_one_line(cause: Exception, reason: str) -> None:
    with pytest.raises(DataError) as caught, reported("it"):
        signature(Failing(cause), "x")
    assert str(caught.value) == f"it: no connection: {reason}"
    with pytest.raises(DataError) as caught, reported("it"):
        raise cause
    assert str(caught.value) == f"it: no connection: {reason}"

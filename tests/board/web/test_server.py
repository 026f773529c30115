"""What the server of a page gives, takes, and refuses; over loopback."""

import http.client
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from levit_edge.board.web import server as module
from levit_edge.board.web.server import PageServer, served
from levit_edge.errors import BoardError, MeasurementError

PAGE = b"<!doctype html>\nthe page"


class Taken:
    """What results were taken; `bad` are refused."""

    def __init__(self) -> None:
        self.results: list[bytes] = []

    def __call__(self, content: bytes) -> None:
        if content == b"bad":
            raise MeasurementError("it is bad.")
        self.results.append(content)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def server(taken: Taken) -> Iterator[PageServer]:
    with served(PAGE, taken) as running:
        yield running


def ask(server: PageServer, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_accept_encoding=True)
    if body is not None and "Content-Length" not in headers:
        connection.putheader("Content-Length", str(len(body)))
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_the_page_and_its_results_lie_under_a_secret(server: PageServer, taken: Taken) -> None:
    path = urlsplit(server.address).path
    assert server.address == f"http://127.0.0.1:{server.server_port}{path}"
    assert len(path) > 20
    assert ask(server, "GET", path) == (200, PAGE)
    assert ask(server, "GET", f"{path}?from=a-code") == (200, PAGE)
    assert ask(server, "HEAD", path) == (200, b"")
    assert ask(server, "POST", f"{path}results", b"{}") == (200, b"taken\n")
    assert taken.results == [b"{}"]


@pytest.mark.parametrize(
    ("host", "isolated"),
    [("127.0.0.1:1", True), ("localhost", True), ("[::1]:9", True), ("192.168.0.2:1", False), ("", False)],
)
def test_the_headers_for_threads_are_for_this_computer(server: PageServer, host: str, isolated: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", server.path, headers={"Host": host})
    response = connection.getresponse()
    assert (response.headers["Cross-Origin-Opener-Policy"] == "same-origin") is isolated
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    connection.close()


def test_each_server_has_a_secret_of_its_own(taken: Taken) -> None:
    with served(PAGE, taken) as one, served(PAGE, taken) as other:
        assert one.path != other.path


@pytest.mark.parametrize(
    "path", ["/", "/x/", "//", "/{}", "/{}/../../etc/passwd", "/{}/%2e%2e", "/{}/results", "*", "/%ff"]
)
def test_nothing_else_is_there(server: PageServer, path: str) -> None:
    status, content = ask(server, "GET", path.replace("{}", server.path.strip("/")))
    assert status == 404
    assert b"open the whole address" in content


def test_other_methods_and_results_elsewhere_are_refused(server: PageServer, taken: Taken) -> None:
    assert ask(server, "PUT", server.path, b"x")[0] == 501
    assert ask(server, "POST", server.path, b"x")[0] == 404
    assert ask(server, "POST", "/results", b"x")[0] == 404
    assert taken.results == []


@pytest.mark.parametrize(
    ("length", "status"), [("", 411), ("-1", 411), ("ten", 411), ("²", 411), ("262145", 413), ("9" * 5000, 413)]
)
def test_lengths_that_are_none_or_too_much_are_refused(
    server: PageServer, taken: Taken, length: str, status: int
) -> None:
    found, _ = ask(server, "POST", f"{server.path}results", None, **{"Content-Length": length})
    assert found == status
    assert taken.results == []


def test_what_is_wrong_with_a_result_is_answered(server: PageServer) -> None:
    assert ask(server, "POST", f"{server.path}results", b"bad") == (400, b"it is bad.\n")


def test_no_more_results_come_than_a_few(server: PageServer, taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RESULTS", 3)
    found = [ask(server, "POST", f"{server.path}results", content)[0] for content in (b"1", b"bad", b"3", b"4")]
    assert found == [200, 400, 200, 429]
    assert taken.results == [b"1", b"3"]


def test_a_client_that_says_nothing_keeps_nobody_waiting(taken: Taken) -> None:
    with served(PAGE, taken) as server, socket.create_connection(("127.0.0.1", server.server_port)) as silent:
        silent.sendall(b"POST ")
        assert ask(server, "GET", server.path) == (200, PAGE)
    assert not [thread for thread in threading.enumerate() if not thread.daemon and "serve_forever" in thread.name]


def test_too_many_at_once_are_closed(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 1)
    with served(PAGE, taken) as server, socket.create_connection(("127.0.0.1", server.server_port)) as first:
        first.sendall(b"GET ")
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as second:
            assert second.recv(1) == b""


def test_a_port_in_use_and_an_address_of_others_are_told(server: PageServer, taken: Taken) -> None:
    used = server.server_port
    with pytest.raises(BoardError, match=rf"127.0.0.1, port {used}: .* Choose another --port"):
        PageServer(PAGE, taken, "127.0.0.1", used)
    for host in ("192.0.2.7", "no such host"):
        with pytest.raises(BoardError, match="or another --host"):
            PageServer(PAGE, taken, host, 0)


def test_everywhere_has_an_address_that_others_can_use(taken: Taken) -> None:
    with served(PAGE, taken, host="0.0.0.0") as server:  # noqa: S104
        assert "//0.0.0.0" not in server.address

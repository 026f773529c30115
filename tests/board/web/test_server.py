"""What the server of a page gives, takes, and refuses; over loopback."""

import http.client
import queue
import re
import socket
import threading
import time
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

    def __call__(self, content: bytes, _address: str) -> None:
        if content == b"bad":
            raise MeasurementError("it is bad.")
        self.results.append(content)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def server(taken: Taken) -> Iterator[PageServer]:
    with served(lambda: PAGE, taken) as running:
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
    with served(lambda: PAGE, taken) as one, served(lambda: PAGE, taken) as other:
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
    told: list[str] = []
    server.tell = told.append
    found, _ = ask(server, "POST", f"{server.path}results", None, **{"Content-Length": length})
    assert found == status
    assert told == ["127.0.0.1 sent too much: at most 262,144 bytes are taken."] * (status == 413)
    assert taken.results == []


def test_what_is_wrong_with_a_result_is_answered(server: PageServer) -> None:
    assert ask(server, "POST", f"{server.path}results", b"bad") == (400, b"it is bad.\n")


def test_no_more_results_come_than_a_few(server: PageServer, taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RESULTS", 3)
    found = [ask(server, "POST", f"{server.path}results", content)[0] for content in (b"1", b"bad", b"3", b"4")]
    assert found == [200, 400, 200, 429]
    assert taken.results == [b"1", b"3"]


def test_a_client_that_says_nothing_keeps_nobody_waiting(taken: Taken) -> None:
    """Neither another client nor the end: the thread that waits for it is the only one left."""
    before = set(threading.enumerate())
    with (
        socket.socket() as silent,
        served(lambda: PAGE, taken) as server,
    ):
        silent.connect(("127.0.0.1", server.server_port))
        silent.sendall(b"POST ")
        assert ask(server, "GET", server.path) == (200, PAGE)
    left = set(threading.enumerate()) - before
    assert all(thread.daemon and "process_request" in thread.name for thread in left), left


@pytest.mark.parametrize("start", [b"GET /", b"POST {}results HTTP/1.0\r\nContent-Length: 100000\r\n\r\n"])
def test_a_request_that_comes_slowly_is_given_up(taken: Taken, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with served(lambda: PAGE, taken) as server, socket.create_connection(("127.0.0.1", server.server_port)) as slow:
        slow.sendall(start.replace(b"{}", server.path.encode()))
        with pytest.raises(ConnectionError):
            send_slowly(slow)
    assert taken.results == []


def send_slowly(client: socket.socket) -> None:
    """A second long, each piece soon after the last."""
    for _ in range(50):
        client.sendall(b"x")
        threading.Event().wait(0.02)


def test_a_page_may_take_longer_than_one_part_of_it(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's time limit is for all bytes of one call."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.6)
    page = bytes(16 << 20)  # more than the system keeps for a client
    with served(lambda: page, taken) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        client.connect(("127.0.0.1", server.server_port))
        client.sendall(f"GET {server.path} HTTP/1.0\r\n\r\n".encode())
        got, paused = 0, 0
        while content := client.recv(1 << 16):
            got += len(content)
            if got > (paused + 1) << 19:
                paused += 1
                threading.Event().wait(0.04)
    assert got > len(page)


def test_a_page_that_does_not_arrive_is_told(taken: Taken) -> None:
    page, told = bytes(64 << 20), queue.Queue[str]()
    with served(lambda: page, taken, tell=told.put) as server:
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            client.sendall(f"GET {server.path} HTTP/1.0\r\n\r\n".encode())
            client.recv(100)
        found = told.get(timeout=20)
    assert re.fullmatch(r"127\.0\.0\.1 got \d+\.\d of 67\.1 MB of the page, then the connection broke off\.", found)


def test_too_many_at_once_are_closed(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 1)
    with served(lambda: PAGE, taken) as server, socket.create_connection(("127.0.0.1", server.server_port)) as first:
        first.sendall(b"GET ")
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as second:
            assert second.recv(1) == b""


def test_one_client_shuts_no_other_out(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_ONE", 1)
    with served(lambda: PAGE, taken, host="0.0.0.0") as server:  # noqa: S104
        place = ("127.0.0.1", server.server_port)
        with (
            socket.create_connection(place, source_address=("127.0.0.2", 0)) as first,
            socket.create_connection(place, timeout=20, source_address=("127.0.0.2", 0)) as second,
        ):
            first.sendall(b"GET ")
            assert second.recv(1) == b""
            assert ask(server, "GET", server.path) == (200, PAGE)
        while server._connected:  # their threads end a little later
            time.sleep(0.01)
        assert ask(server, "GET", server.path) == (200, PAGE)  # those that ended are not counted


def test_a_result_that_is_being_taken_is_taken_before_the_end() -> None:
    begun, go_on, results = threading.Event(), threading.Event(), list[bytes]()

    def take(content: bytes, _address: str) -> None:
        begun.set()
        go_on.wait(20)
        results.append(content)

    with served(lambda: PAGE, take) as server:
        sender = threading.Thread(target=ask, args=(server, "POST", f"{server.path}results", b"{}"))
        sender.start()
        assert begun.wait(20)
        threading.Timer(0.1, go_on.set).start()
    assert results == [b"{}"]
    sender.join()


def test_results_that_come_after_the_end_are_refused(server: PageServer, taken: Taken) -> None:
    server.end()
    assert ask(server, "POST", f"{server.path}results", b"{}")[0] == 503
    assert taken.results == []


def test_a_fault_of_ours_is_answered() -> None:
    def take(_content: bytes, _address: str) -> None:
        raise ZeroDivisionError

    with served(lambda: PAGE, take) as server:
        status, content = ask(server, "POST", f"{server.path}results", b"{}")
    assert (status, content) == (500, b"it could not be taken: see what levit-edge says there\n")


def test_the_page_is_made_when_it_can_be_served(server: PageServer, taken: Taken) -> None:
    def make_page() -> bytes:
        pytest.fail("it takes minutes, for nothing")

    with pytest.raises(BoardError, match="Choose another --port"), served(make_page, taken, port=server.server_port):
        pass


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.0.0.2", True), ("localhost", True), ("0.0.0.0", False)],  # noqa: S104
)
def test_who_reaches_it(taken: Taken, host: str, own: bool) -> None:
    with served(lambda: PAGE, taken, host=host) as server:
        assert server.for_this_computer is own


def test_a_port_in_use_and_an_address_of_others_are_told(server: PageServer, taken: Taken) -> None:
    used = server.server_port
    with pytest.raises(BoardError, match=rf"127.0.0.1, port {used}: .* Choose another --port"):
        PageServer(taken, "127.0.0.1", used)
    for host in ("192.0.2.7", "no such host"):
        with pytest.raises(BoardError, match="or another --host"):
            PageServer(taken, host, 0)


def test_everywhere_has_an_address_that_others_can_use(taken: Taken) -> None:
    with served(lambda: PAGE, taken, host="0.0.0.0") as server:  # noqa: S104
        assert "//0.0.0.0" not in server.address

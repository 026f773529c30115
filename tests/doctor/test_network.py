from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from levit_edge.doctor import network


class Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(403)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()
        thread.join()


def test_whoever_answers_is_reached(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(network, "WEIGHTS_BASE_URL", server)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    weights, hub = network.check_network()
    assert (weights.status, weights.found) == ("ok", f"{server} answers")
    assert (hub.status, hub.name) == ("missing", "network: hub")
    assert hub.found.startswith("http://127.0.0.1:1: ")


def test_an_address_that_is_none_is_not_reached(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "WEIGHTS_BASE_URL", server)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", "nowhere")
    assert network.check_network()[1].status == "missing"

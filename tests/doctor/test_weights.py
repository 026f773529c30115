from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from levit_edge.doctor import weights
from levit_edge.doctor.weights import check_network, check_weights
from levit_edge.model.config import CONFIGS


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
    monkeypatch.setattr(weights, "WEIGHTS_BASE_URL", server)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    official, hub = check_network()
    assert (official.status, official.found) == ("ok", f"{server} answers")
    assert (hub.status, hub.name) == ("missing", "network: hub")
    assert hub.found.startswith("http://127.0.0.1:1: ")


def test_an_address_that_is_none_is_not_reached(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "WEIGHTS_BASE_URL", server)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", "nowhere")
    assert check_network()[1].status == "missing"


def test_weights_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    check = check_weights()
    assert (check.status, check.found) == ("missing", f"none in {tmp_path}")
    official = CONFIGS["192"].weights
    assert official
    (tmp_path / official.file_name).touch()
    check = check_weights()
    assert (check.status, check.found, check.advice) == ("ok", f"192 in {tmp_path}", "")

"""A small LeViT with known weights, the ways in which others write it, and a web server that can misbehave."""

import dataclasses
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from torch import Tensor

from levit_edge.model.config import CONFIGS, LevitConfig
from levit_edge.model.key_maps import CheckpointFormat, file_keys
from levit_edge.model.levit import LeViT

State = dict[str, Tensor]
WriteAs = Callable[[State, CheckpointFormat], State]


def seeded_levit(config: LevitConfig, seed: int = 0) -> LeViT:
    """Weights and batch-norm statistics as after training: none of them zero or one."""
    generator = torch.Generator().manual_seed(seed)
    model = LeViT(config).eval().requires_grad_(False)
    for key, tensor in model.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.is_floating_point():
            tensor.normal_(0.0, tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.5, generator=generator)
    return model


@pytest.fixture(scope="session")
def demo_levit() -> LeViT:
    return seeded_levit(CONFIGS["demo"])


@pytest.fixture(scope="session")
def distilled_demo_levit() -> LeViT:
    return seeded_levit(dataclasses.replace(CONFIGS["demo"], distilled=True))


@pytest.fixture(scope="session")
def demo_images() -> Tensor:
    return torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def demo_state(demo_levit: LeViT) -> State:
    """A copy that a test may change."""
    return {key: tensor.clone() for key, tensor in demo_levit.state_dict().items()}


@pytest.fixture(scope="session")
def write_as() -> WriteAs:
    """The same tensors under the names of another code base."""

    def rename(state: State, checkpoint_format: CheckpointFormat) -> State:
        keys = file_keys(checkpoint_format, CONFIGS["demo"], state)
        return {keys[key]: tensor for key, tensor in state.items()}

    return rename


class WebServer(ThreadingHTTPServer):
    """Serves `files` on 127.0.0.1, and notes path and Range of every request."""

    daemon_threads = False  # so that closing waits for the last answer

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        self.ranges_seen: list[str | None] = []
        self.paths_seen: list[str] = []
        self.honours_ranges = True
        self.range_offset = 0
        """Added to where an answer to a Range starts: a server that is wrong."""
        self.cuts: list[int] = []
        """After how many bytes the next answers break off."""
        self.stalls = threading.Event()
        """Set: answers send nothing after their header."""
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        body = self._head()
        if self.server.stalls.is_set():
            self.wfile.flush()
            self.server.closing.wait(10)
            return
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write(body[:cut])

    def _head(self) -> bytes:
        """Send everything but the body; returns it."""
        content = self.server.files.get(self.path)
        stated = self.headers.get("Range")
        self.server.paths_seen.append(self.path)
        self.server.ranges_seen.append(stated)
        start = int(stated.removeprefix("bytes=").partition("-")[0]) if stated and self.server.honours_ranges else None
        status = self.server.statuses.get(self.path, 404 if content is None else 200 if start is None else 206)
        if content is not None and start is not None and start >= len(content):
            status = 416
        body = (content or b"") if status < 400 else b""
        if status == 206 and start is not None:
            start += self.server.range_offset
            body = body[start:]
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(content or b'') - 1}/{len(content or b'')}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{zlib.crc32(content or b""):08x}"')
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        return body


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()

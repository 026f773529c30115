"""An HTTP server on loopback whose answers can be held back: a task that reads from it goes on when a test says so."""

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from levit_edge.sweep.inputs.sources import Shard
from levit_edge.sweep.inputs.storage import StoredFile
from levit_edge.sweep.tasks.call import Call
from levit_edge.sweep.tasks.index_task import Index

__all__ = ["HeldServer", "serving"]

LONGEST_HOLD_S = 600.0


class HeldServer(ThreadingHTTPServer):
    """Serves `files`; who asks for the content of one of `held` waits until `release`."""

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.held = dict(files), set[str]()
        self.waiting = threading.Semaphore(0)
        """Released by each request that waits."""
        self.posted = 0
        self._go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def hold(self, *names: str) -> None:
        self.held.update(names)
        self._go.clear()

    def release(self) -> None:
        self.held.clear()
        self._go.set()

    def wait(self, name: str) -> None:
        if name in self.held:
            self.waiting.release()
            self._go.wait(LONGEST_HOLD_S)

    def etag(self, name: str) -> str:
        return f'"{hashlib.sha256(self.files[name]).hexdigest()[:16]}"'

    def index(self, name: str, **more: Any) -> Call:
        """The task that reads one of the files, a tar shard."""
        signature = f"size={len(self.files[name])} ETag={self.etag(name)}"
        shard = Shard(
            name=name,
            root=self.url,
            files=(StoredFile(path=name, signature=signature),),
        )
        return Call(task=Index(shard=shard), subject=name, **more)


class _Handler(BaseHTTPRequestHandler):
    server: HeldServer

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self.server.wait(self.path.strip("/"))
        self._answer(send=True)

    def do_POST(self) -> None:
        self.server.posted += 1
        self._answer(send=True)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass

    def _answer(self, *, send: bool) -> None:
        name = self.path.strip("/")
        if name not in self.server.files:
            self.send_error(404)
            return
        content, asked = self.server.files[name], re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = content if asked is None else content[int(asked[1]) : int(asked[2]) + 1]
        self.send_response(200 if asked is None else 206)
        if asked is not None:
            self.send_header("Content-Range", f"bytes {asked[1]}-{int(asked[1]) + len(part) - 1}/{len(content)}")
        self.send_header("ETag", self.server.etag(name))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if send:
            with suppress(ConnectionError):  # whoever asked was killed
                self.wfile.write(part)


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[HeldServer]:
    with HeldServer(files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.release()
            server.shutdown()

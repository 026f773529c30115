"""A Hugging Face hub on 127.0.0.1: what huggingface_hub asks of it to make a repository, to upload, and to download.

    with hub_server() as hub:  # HF_ENDPOINT is hub.url; HF_TOKEN one of hub.tokens

Repositories are in memory: each commit keeps all files. Only `basic` transfers of LFS, so that clients need
HF_HUB_DISABLE_XET=1.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_test"  # noqa: S105 - nobody else's
READ_ONLY = "hf_readonly"
LFS = (".pte", ".onnx", ".npz")
"""What goes by LFS; a real hub decides by size and content."""


@dataclass
class Repository:
    """Commits, the newest last: id -> files."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        changed = {**self.at("main"), **files}
        oid = hashlib.sha1(repr((len(self.commits), sorted(changed.items()))).encode()).hexdigest()  # noqa: S324
        self.commits[oid] = changed
        return oid

    @property
    def head(self) -> str:
        return next(reversed(self.commits), "0" * 40)

    def at(self, revision: str) -> dict[str, bytes]:
        return self.commits.get(self.head if revision == "main" else revision, {})

    def resolved(self, revision: str) -> str | None:
        return self.head if revision == "main" else revision if revision in self.commits else None


class HubServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        """Method and path of every request."""
        self.most_bytes = 2**40
        """Larger commits are too large."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._read()

    def do_GET(self) -> None:
        self._read()

    def _read(self) -> None:
        self._note()
        path = self.path.partition("?")[0]
        if path == "/":
            self._json({})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self._info(found[1], found[2] or "main")
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(found[1], found[2], found[3])
        else:
            self._refuse(404)

    def do_POST(self) -> None:
        self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif self._token() not in {TOKEN, READ_ONLY}:
            self._refuse(401)
        elif self._token() == READ_ONLY:
            self._refuse(403)
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif re.fullmatch(r"/api/models/[^/]+/[^/]+/preupload/main", path):
            files = json.loads(body)["files"]
            mode = {each["path"]: "lfs" if each["path"].endswith(LFS) else "regular" for each in files}
            told = [{"path": name, "uploadMode": mode[name], "shouldIgnore": False} for name in mode]
            self._json({"files": told})
        elif path.endswith("/info/lfs/objects/batch"):
            self._batch(json.loads(body))
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            self._commit(found[1], [json.loads(line) for line in body.splitlines()])
        else:
            self._refuse(404)

    def do_PUT(self) -> None:
        self._note()
        data = self.rfile.read(int(self.headers["Content-Length"]))
        oid = self.path.removeprefix("/lfs/")
        if hashlib.sha256(data).hexdigest() != oid:
            self._refuse(400)
            return
        self.server.blobs[oid] = data
        self._json({})

    def _note(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")

    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _seen(self, name: str) -> Repository | None:
        """The repository, if there is one that may be seen; else the refusal is sent."""
        repository = self.server.repositories.get(name)
        if repository is None or (repository.private and self._token() not in {TOKEN, READ_ONLY}):
            self._refuse(404 if self._token() else 401, "RepoNotFound")
            return None
        if repository.gated:
            self._refuse(403, "GatedRepo")
            return None
        return repository

    def _info(self, name: str, revision: str) -> None:
        if (repository := self._seen(name)) is not None:
            siblings = [{"rfilename": each} for each in repository.at(revision)]
            self._json({"id": name, "sha": repository.head, "private": repository.private, "siblings": siblings})

    def _file(self, name: str, revision: str, file: str) -> None:
        if (repository := self._seen(name)) is None:
            return
        commit = repository.resolved(revision)
        if commit is None:
            self._refuse(404, "RevisionNotFound")
        elif file not in repository.at(commit):
            self._refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
        else:
            data = repository.at(commit)[file]
            headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
            self._send(200, data, headers)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked.get('organization', 'me')}/{asked['name']}"
        if name in self.server.repositories:
            self._refuse(409)
            return
        private = asked.get("private") or asked.get("visibility") == "private"
        self.server.repositories[name] = Repository(private=bool(private))
        self.server.repositories[name].commit({".gitattributes": b"*.onnx filter=lfs\n"})
        self._json({"url": f"{self.server.url}/{name}", "name": name})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for each in asked["objects"]:
            upload = {"href": f"{self.server.url}/lfs/{each['oid']}"}
            objects.append({"oid": each["oid"], "size": each["size"], "actions": {"upload": upload}})
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        repository = self.server.repositories[name]
        header = next(line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit") not in {None, repository.head}:
            self._refuse(412)
            return
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            if line["key"] == "file"
            else self.server.blobs[line["value"]["oid"]]
            for line in lines
            if line["key"] in {"file", "lfsFile"}
        }
        if sum(map(len, files.values())) > self.server.most_bytes:
            self._refuse(413)
            return
        oid = repository.commit(files)
        self._json({"success": True, "commitOid": oid, "commitUrl": f"{self.server.url}/{name}/commit/{oid}"})

    def _json(self, document: Any) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str = "", headers: dict[str, str] | None = None) -> None:
        self._send(status, b'{"error": "refused"}', ({"X-Error-Code": code} if code else {}) | (headers or {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def hub_server() -> Iterator[HubServer]:
    """The server, which answers until the body ends."""
    with HubServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

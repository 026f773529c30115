"""Pretended phones, and where the agents of a test work when this computer is the board."""

import dataclasses
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from levit_edge.board import session as session_module
from levit_edge.board.session import Session
from levit_edge.board.transports.transport import agent_source
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.device.engines import NO_TELEMETRY
from tests.board.fake_phone import FakePhone


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePhone:
    """A pretended phone, which the `adb` in PATH knows."""
    folder = tmp_path / "phone"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.delenv("TMPDIR", raising=False)
    return FakePhone(folder)


@dataclass(frozen=True)
class Place:
    """The folder for temporary files of a test's agents."""

    folder: Path

    def files(self) -> list[str]:
        """All files and folders in it."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    def processes(self) -> list[int]:
        """What runs with its TMPDIR there: agents, and all that they started."""
        wanted, found = f"TMPDIR={self.folder}".encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if wanted in (process / "environ").read_bytes():
                    found.append(int(process.name))
        return sorted(found)

    def workers(self, session: Session) -> list[int]:
        """The processes that the agent forked, the first one first."""
        return [each for each in self.processes() if each != session._process.pid]

    def wait_for_the_end(self) -> None:
        """Wait until nothing runs any more."""
        while self.processes():
            time.sleep(0.01)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """An empty one, which has to be empty again at the end, with nothing running."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    for name, value in NO_TELEMETRY.items():  # or else ONNX Runtime in this very process leaves a file there
        monkeypatch.setenv(name, value)
    found = Place(folder)
    yield found
    found.wait_for_the_end()
    assert found.files() == []
    assert os.environ["TMPDIR"] == str(folder)


def hook_agent(monkeypatch: pytest.MonkeyPatch, statements: str) -> None:
    """Let sessions send an agent before whose start these statements run: they may change what its modules have."""
    monkeypatch.setattr(session_module, "agent_source", lambda: agent_source() + statements.encode())


@pytest.fixture
def bundle(tiny_bundle: Path) -> Bundle:
    return Bundle.open(tiny_bundle)


@pytest.fixture
def both_runtimes(bundle: Bundle, tmp_path: Path) -> Bundle:
    """A bundle that says it has ExecuTorch files too."""
    return with_programs(bundle, tmp_path / "both")


@pytest.fixture
def float16_too(bundle: Bundle, tmp_path: Path) -> Bundle:
    """The same with one in float16."""
    return with_programs(bundle, tmp_path / "float16", Precision.INT8_FLOAT16)


def with_programs(bundle: Bundle, path: Path, *more: Precision) -> Bundle:
    """The bundle with what stands for ExecuTorch files, of its precisions and `more`."""
    manifest = bundle.manifest
    with new_bundle(path) as writer:
        for name in manifest.files:
            writer.add(name, bundle.read(name))
        programs = tuple(
            Artifact(
                file=f"{precision}.pte",
                runtime=Runtime.EXECUTORCH,
                precision=precision,
                size_bytes=7,
                sha256=writer.add(f"{precision}.pte", b"program"),
            )
            for precision in (*(each.precision for each in manifest.artifacts), *more)
        )
        writer.commit(
            dataclasses.replace(manifest, files=dict(writer.files), artifacts=(*manifest.artifacts, *programs))
        )
    return Bundle.open(path)

from hashlib import sha256
from pathlib import Path

import pytest

from levit_edge.doctor.web import check_browser, check_web_runtime
from levit_edge.package.contents import WEB_RUNTIME
from levit_edge.package.web import runtime_files as module


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LEVIT_EDGE_BROWSER", raising=False)


def program(path: Path) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def test_the_runtime_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (check_web_runtime().status, "and no npm" in check_web_runtime().found) == ("missing", True)
    assert "npm pack" in check_web_runtime().advice
    program(tmp_path / "npm")
    assert "package --for web" in check_web_runtime().advice
    folder = module.runtime_cache()
    folder.mkdir(parents=True)
    for name in WEB_RUNTIME:
        (folder / name).write_bytes(b"others")
    assert check_web_runtime().status == "missing"
    monkeypatch.setattr(module, "PINNED", dict.fromkeys(WEB_RUNTIME, (6, sha256(b"others").hexdigest())))
    assert (check_web_runtime().status, check_web_runtime().advice) == ("ok", "")


def test_browsers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (check_browser().status, check_browser().found) == ("missing", "not on PATH")
    program(tmp_path / "google-chrome")
    assert (check_browser().status, check_browser().found) == ("ok", str(tmp_path / "google-chrome"))
    mine = tmp_path / "mine"
    monkeypatch.setenv("LEVIT_EDGE_BROWSER", str(mine))
    assert (check_browser().status, check_browser().found) == (
        "missing",
        f"LEVIT_EDGE_BROWSER names {mine}, which is no program",
    )
    program(mine)
    for name in (str(mine), "mine"):
        monkeypatch.setenv("LEVIT_EDGE_BROWSER", name)
        assert (check_browser().status, check_browser().found) == ("ok", name)

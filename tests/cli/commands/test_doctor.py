"""What `levit-edge doctor` prints; each check is tested in tests/runtime/doctor."""

import json
import socket
import subprocess
import sys
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from levit_edge.cli.main import run
from levit_edge.doctor import packages
from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.errors import ExitStatus

Captured = pytest.CaptureFixture[str]
NAMES = [
    "packages", "quantize packages", "ExecuTorch", "ONNX Runtime", "Python", "processor", "memory", "disk",
    "official weights", "ssh", "adb", "emulated boards", "instruction counts", "onnxruntime-web", "Chromium",
]  # fmt: skip


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> NoReturn:
        raise AssertionError("the network was used")

    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.mark.usefixtures("offline")
def test_the_json_is_one_document_of_all_checks(capsys: Captured) -> None:
    assert run(["doctor", "--json"]) == ExitStatus.DONE
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert [check["name"] for check in document["checks"]] == NAMES
    for check in document["checks"]:
        assert set(check) == {"name", "status", "found", "advice"}
        assert check["status"] in {"ok", "missing", "problem"}
        assert check["found"]
        assert bool(check["advice"]) == (check["status"] != "ok")


def test_each_check_is_a_line_and_its_advice_another(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Check(name="ExecuTorch", status=CheckStatus.MISSING, found="[none] of them", advice="install it")
    monkeypatch.setattr(packages, "check_runtimes", lambda: [missing, replace(missing, name="ONNX Runtime")])
    assert run(["doctor"]) == ExitStatus.DONE
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("missing  ExecuTorch          [none] of them")
    assert lines[place + 1] == " " * 29 + "→ install it"
    assert sum(not line.startswith(" ") for line in lines) == len(NAMES)


def test_packages_that_every_command_needs_decide_the_exit_status(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(name: str) -> Check:
        return Check(name=name, status=CheckStatus.PROBLEM, found="torch 1.0, expected ==2.13.0", advice="pip")

    monkeypatch.setattr(packages, "check_quantize_packages", lambda: wrong("quantize packages"))
    assert run(["doctor"]) == ExitStatus.DONE
    monkeypatch.setattr(packages, "check_packages", lambda: wrong(packages.PACKAGES))
    assert run(["doctor"]) == ExitStatus.BAD_INPUT
    assert "problem  packages            torch 1.0, expected ==2.13.0" in capsys.readouterr().out


def test_the_network_is_tried_when_asked(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("levit_edge.doctor.weights.WEIGHTS_BASE_URL", "http://127.0.0.1:1/")
    assert run(["doctor", "--network"]) == ExitStatus.DONE
    out = capsys.readouterr().out
    assert "missing  network: weights" in out
    assert "missing  network: hub" in out


def test_no_runtime_is_imported() -> None:
    code = (
        "import sys\nfrom levit_edge.cli.main import run\nassert run(['doctor']) == 0\n"
        "assert not {'torch', 'onnx', 'onnxruntime', 'executorch', 'matplotlib'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr

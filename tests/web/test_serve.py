"""`levit-edge serve` as a process: it ends on Ctrl-C, whoever is connected."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from levit_edge.benchmark.files import load_measurements
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import ExitStatus
from tests.board.web.test_results import document

pytestmark = pytest.mark.release
COMMAND = [sys.executable, "-m", "levit_edge.cli.main", "serve", "--port", "0"]


@pytest.fixture
def environment(runtime: object) -> dict[str, str]:  # noqa: ARG001 - it is in the user's own cache then
    return {name: value for name, value in os.environ.items() if name != "LEVIT_EDGE_CACHE"}


def test_it_ends_when_nobody_reads_what_it_says(tiny_bundle: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """As with `| head -1`: what was sent is saved all the same."""
    command = [*COMMAND, str(tiny_bundle), "--save", str(tmp_path / "results")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        time.sleep(1)  # for the lines that follow
        process.stdout.close()
        content = json.dumps(document(Bundle.open(tiny_bundle))).encode()
        with urlopen(f"{address}results", data=content, timeout=60) as answer:  # noqa: S310
            assert answer.read() == b"taken\n"
        assert process.wait(timeout=60) == ExitStatus.OUTPUT_CLOSED
    assert len(load_measurements([tmp_path / "results"])) == 1


def test_it_ends_in_order_with_a_client_connected(tiny_bundle: Path, environment: dict[str, str]) -> None:
    command = [*COMMAND, str(tiny_bundle)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urlopen(address, timeout=60) as answer:  # noqa: S310
            assert answer.read().startswith(b"<!doctype html>")
        parts = urlsplit(address)
        with socket.create_connection((str(parts.hostname), parts.port or 0)) as client:
            client.sendall(b"POST ")
            process.send_signal(signal.SIGINT)
            said, complained = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.endswith("ended; 0 results taken.\n")
    assert complained == ""

"""`levit-edge serve` as a process: it ends on Ctrl-C, whoever is connected."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.release


@pytest.mark.usefixtures("runtime")
def test_it_ends_in_order_with_a_client_connected(tiny_bundle: Path) -> None:
    command = [sys.executable, "-m", "levit_edge.cli.main", "serve", str(tiny_bundle), "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "LEVIT_EDGE_CACHE"}
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

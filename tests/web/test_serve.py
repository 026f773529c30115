"""`levit-edge serve` as a process: in a network of its own with a browser, and ended by Ctrl-C."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from levit_edge.benchmark.files import load_measurements
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import ExitStatus
from tests.board.web.test_results import document
from tests.web.conftest import START_MS, choose, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.release


MEANWHILE = "note: making the page, which takes some seconds.\n"
NETWORK_ADDRESS = "192.168.7.1"
"""Not loopback's, in a network that has nothing else: no request could go elsewhere."""


def started(*command: str | Path, inside: Sequence[str] = ()) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if name != "LEVIT_EDGE_CACHE"}
    return subprocess.Popen(
        [*inside, sys.executable, "-m", "levit_edge.cli.main", "serve", *command, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"PYTHONUNBUFFERED": "1"},
    )


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def network() -> Iterator[list[str]]:
    """How to start a program in a network of its own, in which this computer has an address."""
    with subprocess.Popen(["unshare", "--net", "sleep", "600"], stderr=subprocess.DEVNULL) as keeper:
        enter = ["nsenter", "--target", str(keeper.pid), "--net"]
        script = f"until [ $(readlink /proc/{keeper.pid}/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done"
        try:
            subprocess.run(["timeout", "10", "sh", "-c", script], check=True)
            for configured in ("link set lo up", f"address add {NETWORK_ADDRESS}/32 dev lo"):
                subprocess.run([*enter, "ip", *configured.split()], check=True, capture_output=True)
            yield enter
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network of its own can be made here: {error}")
        finally:
            keeper.terminate()


@pytest.mark.usefixtures("runtime")
def test_a_phone_of_the_network_measures_and_sends(
    browser: "Browser", network: list[str], tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    program = tmp_path / "chromium"
    program.write_text(f'#!/bin/sh\nexec {" ".join(network)} {shutil.which("chromium")} "$@"\n')
    program.chmod(0o755)
    results = tmp_path / "results"
    with started(tiny_bundle, "--host", NETWORK_ADDRESS, "--save", results, inside=network) as process:
        address = line(process)
        assert address.startswith(f"http://{NETWORK_ADDRESS}:")
        assert line(process).startswith("Reachable by whoever is in this network")
        phone = browser.browser_type.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        with opened(phone, address, ["results"]) as page:
            assert page.evaluate("isSecureContext") is False
            assert not page.is_visible("#live")
            assert page.locator("#tests li.passed").count() == 3
            assert "red" in choose(page, sorted(labelled_photographs.glob("red/*.jpg"))[0])[0]
            page.set_input_files("#folder", labelled_photographs)
            page.wait_for_selector("#verified a", timeout=START_MS)
            page.fill("#device", "My phone\u202e, the old one")
            page.click("#bench")
            page.click("#send", timeout=START_MS)
            page.wait_for_selector("#sent:has-text('Sent.')", timeout=START_MS)
        phone.close()
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=60)
    assert "ended; 1 result taken." in said
    assert (process.returncode, complained) == (0, MEANWHILE)
    (measurement,) = load_measurements([*results.iterdir()])
    assert {each.threads for each in measurement.results} == {1}
    assert re.fullmatch(r"My phone, the old one, Chrome \d+ on Linux", measurement.device.model)


@pytest.mark.usefixtures("runtime")
def test_it_ends_when_nobody_reads_what_it_says(tiny_bundle: Path, tmp_path: Path) -> None:
    """As with `| head -1`: what was sent is saved all the same."""
    with started(tiny_bundle, "--save", tmp_path / "results") as process:
        address = line(process)
        assert process.stdout is not None
        time.sleep(1)  # for the lines that follow
        process.stdout.close()
        content = json.dumps(document(Bundle.open(tiny_bundle))).encode()
        with urlopen(f"{address}results", data=content, timeout=60) as answer:  # noqa: S310
            assert answer.read() == b"taken\n"
        assert process.wait(timeout=60) == ExitStatus.OUTPUT_CLOSED
    assert len(load_measurements([tmp_path / "results"])) == 1


@pytest.mark.usefixtures("runtime")
def test_it_ends_in_order_with_a_client_connected(tiny_bundle: Path) -> None:
    with started(tiny_bundle) as process:
        address = line(process)
        with urlopen(address, timeout=60) as answer:  # noqa: S310
            assert answer.read().startswith(b"<!doctype html>")
        parts = urlsplit(address)
        with socket.create_connection((str(parts.hostname), parts.port or 0)) as client:
            client.sendall(b"POST ")
            process.send_signal(signal.SIGINT)
            said, complained = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.endswith("ended; 0 results taken.\n")
    assert complained == MEANWHILE

"""What is said of boards that lack something, and of those that ssh does not reach."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.arm.board import Board, free_ports
from tests.arm.commands import ONCE, refused, to, until
from tests.arm.conftest import StartBoard
from tests.integration.conftest import levit_edge

pytestmark = pytest.mark.slow


def test_a_board_without_python(start_board: StartBoard, clean: Callable[[Board], Board], tiny_bundle: Path) -> None:
    board = clean(start_board(without_python=True))
    said = refused("bench", tiny_bundle, *to(board))
    assert said.startswith(f"{board.address}: there is no python3 on the board: install Python 3.9 or newer there")
    said = refused("bench", tiny_bundle, *to(board), "--python", "/nowhere/python")
    assert "there is no /nowhere/python on the board" in said


def test_a_board_without_numpy(start_board: StartBoard, clean: Callable[[Board], Board], tiny_bundle: Path) -> None:
    board = clean(start_board(without_numpy=True))
    said = refused("bench", tiny_bundle, *to(board))
    assert said.startswith(f"{board.address}: /usr/bin/python3 (Python 3.13) has no numpy and onnxruntime. Install it")
    assert "`/usr/bin/python3 -m pip install numpy onnxruntime`, or let --setup make" in said


def test_a_board_without_runtimes(
    start_board: StartBoard, clean: Callable[[Board], Board], tiny_bundle: Path, labelled_photographs: Path
) -> None:
    board = clean(start_board(without_runtimes=True))
    for command in (("bench", tiny_bundle), ("verify", tiny_bundle, "--evaluation", labelled_photographs)):
        said = refused(*command, *to(board))
        assert "(Python 3.13) has no onnxruntime. Install it on the board with" in said


def test_a_board_whose_disk_is_full(start_board: StartBoard, clean: Callable[[Board], Board], demo_bundle: Any) -> None:
    board = clean(start_board(tmp_size="4M"))
    said = refused("bench", demo_bundle[0], *to(board), *ONCE)
    assert f"{board.address}: " in said
    assert "MiB are needed for the files, and /tmp has " in said


def test_wheels_are_sent_to_a_board_without_network(
    start_board: StartBoard, demo_bundle: tuple[Path, Any], clean: Callable[[Board], Board]
) -> None:
    board = start_board(without_numpy=True)
    command: tuple[str | Path, ...] = ("bench", demo_bundle[0], *to(board), *ONCE, "--runtime", "executorch", "--json")
    run = levit_edge(*command, "--setup", "--offline")
    if "cannot be fetched for Python" in run.stderr and not os.environ.get("CI"):
        pytest.skip(run.stderr)
    assert run.returncode == 0, run.stderr
    for row in json.loads(run.stdout)["results"]:
        assert row["package"].startswith("executorch-numpy-runtime 1.")
        assert row["golden"]["same_top1"] == row["golden"]["images"]
    until(lambda: board.processes() == [])
    environment = "/root/.local/share/levit-edge/board/"
    assert board.files() != []
    assert [each for each in board.files() if not each.startswith(environment)] == []
    clean(board)
    again = levit_edge(*command)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["device"]["python"].startswith("3.13")


# --- no way there ----------------------------------------------------------------------------------------------------


@pytest.fixture
def own_config(target: Board, tmp_path: Path) -> Callable[..., Path]:
    """Make a configuration of ssh that differs from the board's."""

    def write(known_hosts: str | None = None, identity: Path | None = None) -> Path:
        text = target.ssh_config.read_text()
        if known_hosts is not None:
            (tmp_path / "known_hosts").write_text(known_hosts)
            text = text.replace(str(target.folder / "known_hosts"), str(tmp_path / "known_hosts"))
        if identity is not None:
            text = text.replace(str(target.folder / "id_ed25519"), str(identity))
        assert text != target.ssh_config.read_text()
        (tmp_path / "ssh_config").write_text(text)
        return tmp_path / "ssh_config"

    return write


def test_another_host_key(target: Board, old_board: Board, own_config: Callable[..., Path], tiny_bundle: Path) -> None:
    others = (old_board.folder / "known_hosts").read_text().replace(f":{old_board.port} ", f":{target.port} ")
    said = refused("bench", tiny_bundle, "--on", target.address, "--ssh-config", own_config(known_hosts=others))
    assert said.startswith(f"{target.address}: its host key is not the one in known_hosts: ")


def test_a_host_key_that_is_not_known(target: Board, own_config: Callable[..., Path], tiny_bundle: Path) -> None:
    said = refused("bench", tiny_bundle, "--on", target.address, "--ssh-config", own_config(known_hosts=""))
    assert said.startswith(f"{target.address}: its host key is not in known_hosts: connect once with `ssh`")


def test_a_key_that_the_board_does_not_know(
    target: Board, own_config: Callable[..., Path], tiny_bundle: Path, tmp_path: Path
) -> None:
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    said = refused("bench", tiny_bundle, "--on", target.address, "--ssh-config", own_config(identity=key))
    assert said.startswith(f"{target.address}: it refuses the keys that ssh offers: `ssh-copy-id`")


def test_nothing_on_the_port(tiny_bundle: Path) -> None:
    address = f"ssh://root@127.0.0.1:{free_ports(1)[0]}"
    said = refused("bench", tiny_bundle, "--on", address)
    assert said.startswith(
        f"{address}: nothing listens on that port: is the ssh server running, and is the port right?"
    )


def test_no_ssh_client(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("ssh")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no ssh client here" in refused("bench", tiny_bundle, "--on", "ssh://root@127.0.0.1")

"""`--on ssh://…` against real aarch64 ssh servers, reached by the machine's own OpenSSH client."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.arm.board import Board, free_ports
from tests.arm.commands import ONCE, Started, client_of, refused, to, until
from tests.integration.conftest import levit_edge

pytestmark = pytest.mark.device


def test_the_demo_is_measured(target: Board, demo_bundle: tuple[Path, Any]) -> None:
    run = levit_edge("bench", demo_bundle[0], *to(target), "--runs", "2", "--threads", "1", "--json")
    assert run.returncode == 0, run.stderr
    measured = json.loads(run.stdout)
    device = measured["device"]
    assert measured["target"] == target.address
    assert device["architecture"] == "aarch64"
    assert [each["name"] for each in device["cores"]] == ["Cortex-A76"]
    assert "asimddp" in device["features"]
    assert device["emulator"].startswith("qemu-user")
    assert measured["before"]["governors"] == ["performance"]
    rows = {each["artifact"]: each for each in measured["results"]}
    assert sorted(rows) == ["fp32.onnx", "fp32.pte", "int8-f16.pte", "int8.onnx", "int8.pte"]
    for row in rows.values():
        assert (row["error"], row["runs"]) == ("", 2)
        assert row["golden"]["images"] == row["golden"]["same_top1"] > 0
        assert 0 < row["latency_ms"]["min"] <= row["latency_ms"]["p50"]
        assert row["load_ms"] > 0
        assert row["peak_rss_bytes"] > row["model_rss_bytes"]
    assert measured["speedups"] == []  # emulated times say nothing


def test_float16_is_refused_where_it_would_fail(
    old_board: Board, clean: Callable[[Board], Board], demo_bundle: tuple[Path, Any]
) -> None:
    said = refused("bench", demo_bundle[0], *to(clean(old_board)), *ONCE, "--precision", "int8-f16")
    assert said == (
        f"{old_board.address}: int8-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic (no fphp,"
        " asimdhp in /proc/cpuinfo): use int8.pte."
    )


def test_two_boards_are_a_fleet(
    target: Board, old_board: Board, clean: Callable[[Board], Board], tiny_bundle: Path, tmp_path: Path
) -> None:
    boards = (target, clean(old_board))
    (tmp_path / "fleet.toml").write_text("".join(f'[[board]]\non = "{each.address}"\n' for each in boards))
    (tmp_path / "config").write_text("".join(each.ssh_config.read_text() for each in boards))
    options = ("--fleet", tmp_path / "fleet.toml", "--ssh-config", tmp_path / "config", "--save", tmp_path / "results")
    run = levit_edge("bench", tiny_bundle, *options, *ONCE, "--json")
    assert run.returncode == 0, run.stderr
    measured = json.loads(run.stdout)["boards"]
    assert [each["target"] for each in measured] == [each.address for each in boards]
    assert [each["device"]["cores"][0]["name"] for each in measured] == ["Cortex-A76", "Cortex-A53"]
    assert ["asimddp" in each["device"]["features"] for each in measured] == [True, False]
    assert all(row["error"] == "" for each in measured for row in each["results"])
    saved = [json.loads(path.read_text()) for path in (tmp_path / "results").iterdir()]
    assert sorted(each["device"]["cores"][0]["name"] for each in saved) == ["Cortex-A53", "Cortex-A76"]
    assert {each["target"] for each in saved} == {"ssh"}


def test_of_two_boards_one_may_be_missing(target: Board, tiny_bundle: Path) -> None:
    nobody = f"ssh://root@127.0.0.1:{free_ports(1)[0]}"
    run = levit_edge("bench", tiny_bundle, *to(target), "--on", nobody, *ONCE, "--json")
    assert run.returncode == 3
    there, missing = json.loads(run.stdout)["boards"]
    assert there["target"] == target.address
    assert missing["target"] == nobody
    assert "nothing listens on that port" in missing["error"]
    assert missing["error"] in run.stderr


def test_an_emulated_board_takes_no_gate(target: Board, tiny_bundle: Path) -> None:
    said = refused("bench", tiny_bundle, *to(target), *ONCE, "--max-latency-ms", "1e6")
    assert said.startswith(f"{target.address}: this is emulated (qemu-user, cortex-a76)")


@pytest.fixture
def long_run(target: Board, tiny_bundle: Path, started: Started) -> "subprocess.Popen[str]":
    """A measurement that would take minutes, at the moment when its workers run on the board."""
    process = started("bench", tiny_bundle, *to(target), *ONCE, "--sustained", "300")
    until(lambda: (len(target.processes()) > 1 and target.files() != []) or process.poll() is not None)
    return process


def test_a_lost_connection_is_said_and_leaves_nothing(long_run: "subprocess.Popen[str]", target: Board) -> None:
    os.kill(client_of(long_run), signal.SIGKILL)
    out, said = long_run.communicate()
    assert (long_run.returncode, out) == (3, "")
    assert f"error: {target.address}: the connection was lost while the board worked" in said
    assert "Traceback" not in said


def test_ctrl_c_leaves_nothing(long_run: "subprocess.Popen[str]", target: Board) -> None:
    long_run.send_signal(signal.SIGINT)
    out, said = long_run.communicate()
    assert (long_run.returncode, out) == (130, "")
    assert "Traceback" not in said
    assert target.processes() == []  # it has waited for the end of the agent
    assert target.files() == []


def test_killing_levit_edge_leaves_nothing_on_the_board(long_run: "subprocess.Popen[str]", target: Board) -> None:
    assert target.files() != []
    long_run.kill()
    long_run.communicate()


def test_a_slow_board_is_given_up(target: Board, tiny_bundle: Path) -> None:
    said = refused("bench", tiny_bundle, *to(target), *ONCE, "--sustained", "300", "--timeout", "4")
    assert said == f"{target.address}: the board was not ready after 4 s: allow it more with --timeout."

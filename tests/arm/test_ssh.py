"""`--on ssh://…` against real aarch64 ssh servers, reached by the machine's own OpenSSH client."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from levit_edge.board import evaluate
from levit_edge.board.partial import PartialEvaluation
from levit_edge.board.transports.ssh import SshTransport
from levit_edge.bundle.reader import Bundle
from levit_edge.runtime.evaluation.evaluator import Answer, Model
from levit_edge.runtime.evaluation.pool import answers
from levit_edge.runtime.evaluation.verify import evaluation_set
from tests.arm.board import Board, free_ports
from tests.arm.conftest import StartBoard
from tests.integration.conftest import COMMAND, levit_edge

pytestmark = pytest.mark.device

DEMO_IMAGES = Path(__file__).parents[2] / "levit_edge" / "data" / "demo" / "evaluation"
ONCE = ("--runs", "1", "--threads", "1")
Started = Callable[..., "subprocess.Popen[str]"]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come; the time limit of tests is the end of it."""
    while not condition():
        time.sleep(0.02)


def to(*boards: Board) -> tuple[str, ...]:
    """Options that name boards, and how ssh gets there."""
    return (*(word for each in boards for word in ("--on", each.address)), "--ssh-config", str(boards[0].ssh_config))


@pytest.fixture
def clean() -> Iterator[Callable[[Board], Board]]:
    """Boards on which, in the end, nothing runs and lies but what did before."""
    before: list[tuple[Board, list[str]]] = []

    def watch(board: Board) -> Board:
        before.append((board, board.files()))
        return board

    yield watch
    for board, files in before:
        until(lambda board=board: board.processes() == [])  # type: ignore[misc]
        assert board.files() == files


@pytest.fixture
def target(board: Board, clean: Callable[[Board], Board]) -> Board:
    """The shared board, on which nothing may be left."""
    return clean(board)


@pytest.fixture
def started() -> Iterator[Started]:
    """Start a command; what is still running in the end is killed."""
    processes = []

    def start(*arguments: str | Path) -> "subprocess.Popen[str]":
        processes.append(
            subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"NO_COLOR": "1"},
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def long_run(target: Board, tiny_bundle: Path, started: Started) -> "subprocess.Popen[str]":
    """A measurement that would take minutes, at the moment when its workers run on the board."""
    process = started("bench", tiny_bundle, *to(target), *ONCE, "--sustained", "300")
    until(lambda: (len(target.processes()) > 1 and target.files() != []) or process.poll() is not None)
    return process


def client_of(process: "subprocess.Popen[str]") -> int:
    """The ssh that a command has started."""
    for candidate in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (candidate / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name == "ssh" and int(rest.split()[1]) == process.pid:
            return int(candidate.name)
    raise AssertionError("it has no ssh")


def refused(*arguments: str | Path) -> str:
    """What a command says whose input is at fault: one message."""
    run = levit_edge(*arguments)
    assert run.returncode == 3, run.stderr
    assert run.stdout == ""
    (line,) = [each for each in run.stderr.splitlines() if each.startswith("error: ")]
    return line.removeprefix("error: ")


# --- measuring -------------------------------------------------------------------------------------------------------


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
    assert sorted(rows) == ["fp32.onnx", "fp32.pte", "int8.onnx", "int8.pte"]
    for row in rows.values():
        assert (row["error"], row["runs"]) == ("", 2)
        assert row["golden"]["images"] == row["golden"]["same_top1"] > 0
        assert 0 < row["latency_ms"]["min"] <= row["latency_ms"]["p50"]
        assert row["load_ms"] > 0
        assert row["peak_rss_bytes"] > row["model_rss_bytes"]
    assert measured["speedups"] == []  # emulated times say nothing


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


# --- evaluating ------------------------------------------------------------------------------------------------------


def test_predictions_on_the_board_are_those_made_here(
    target: Board, demo_bundle: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all four files, for all photographs of the demo."""
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path))
    there: list[Answer | str] = []
    add = PartialEvaluation.add

    def listen(self: PartialEvaluation, found: Sequence[Answer | str]) -> None:
        there.extend(found)
        add(self, found)

    monkeypatch.setattr(PartialEvaluation, "add", listen)
    bundle = Bundle.open(demo_bundle[0])
    transport = SshTransport(target.address, config=target.ssh_config)
    verification = evaluate.verify_on(bundle, transport, DEMO_IMAGES, workers=0).verification
    assert verification.host["architecture"] == "aarch64"
    assert verification.host["emulator"].startswith("qemu-user")

    artifacts = bundle.manifest.artifacts
    models = [
        Model(file=each.file, runtime=each.runtime, data=bundle.read(each.file), classes=10) for each in artifacts
    ]
    images = evaluation_set(DEMO_IMAGES, bundle.manifest.config.classes)
    here = list(answers(models, images.images, bundle.manifest.preprocessing, 0))
    logits = [np.stack([each.logits for each in found if isinstance(each, Answer)]) for found in (there, here)]
    assert logits[0].shape == logits[1].shape == (len(images), len(artifacts), bundle.manifest.config.classes)
    assert logits[0].std(axis=0).min() > 0.1  # real answers, not the same for every photograph
    same = (logits[0].argmax(2) == logits[1].argmax(2)).mean(axis=0)
    assert dict(zip((each.file for each in artifacts), same >= 0.99, strict=True)) == dict.fromkeys(
        (each.file for each in artifacts), True
    ), same


@pytest.fixture
def large_photographs(tmp_path: Path) -> Path:
    """64 links to one photograph that takes long to decode, of three classes."""
    pixels = np.random.default_rng(3).integers(0, 256, (1200, 1200, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.jpg")
    for index in range(64):
        folder = tmp_path / "photographs" / "abc"[index % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:02}.jpg").symlink_to(tmp_path / "large.jpg")
    return tmp_path / "photographs"


def figures(output: str) -> dict[str, Any]:
    """Without times."""
    document: dict[str, Any] = json.loads(output)
    assert document.pop("stages")
    for result in document["results"]:
        assert result.pop("images_per_second") > 0
    return document


@pytest.mark.parametrize("how", ["the connection", "Ctrl-C", "levit-edge"])
def test_an_evaluation_that_was_cut_off_goes_on(
    target: Board, tiny_bundle: Path, large_photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    started: Started, how: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "unfinished"
    command: tuple[str | Path, ...] = (
        "verify",
        tiny_bundle,
        "--evaluation",
        large_photographs,
        *to(target),
        "--workers",
        "0",
        "--json",
    )
    process = started(*command)
    until(lambda: any(each.stat().st_size for each in kept.glob("*/answers")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    if how == "the connection":
        os.kill(client_of(process), signal.SIGKILL)
        assert "the connection was lost while the board worked" in process.communicate()[1]
        assert process.returncode == 3
    elif how == "Ctrl-C":
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate()[1]
        assert process.returncode == 130
    else:
        process.kill()
        process.communicate()
    until(lambda: target.processes() == [])
    assert target.files() == []
    resumed = levit_edge(*command)
    assert resumed.returncode == 0, resumed.stderr
    count = int(resumed.stderr.partition("warning: ")[2].partition(" images were evaluated by an earlier call")[0])
    assert 0 < count < 64
    assert count % 16 == 0  # whole chunks
    assert list(kept.iterdir()) == []
    if how == "the connection":  # the others are like it
        uninterrupted = levit_edge(*command)
        assert "earlier call" not in uninterrupted.stderr
        assert figures(resumed.stdout) == figures(uninterrupted.stdout)


# --- cut off ---------------------------------------------------------------------------------------------------------


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


# --- what a board lacks ----------------------------------------------------------------------------------------------


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

"""The agent itself, run as it is on a board: in a process of its own, with this computer as the board."""

import ast
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.board import session
from levit_edge.board.session import Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.transports.transport import BOOT, agent_source, boot_arguments
from levit_edge.device import agent
from levit_edge.errors import BoardError
from tests.board.conftest import Place, change_agent
from tests.conftest import colour_classifier

HIGHEST_PID = 1 << 22
"""Of Linux on 64-bit machines: no process has a higher one."""
OLD = """#!{python}
import sys
sys.version_info = {version}
arguments = sys.argv[sys.argv.index("-c") + 1:]
sys.argv = ["-c", *arguments[1:]]
exec(arguments[0])
"""


def interpreter(version: str) -> str:
    """A Python of this version, where there is one."""
    candidates = [shutil.which(f"python{version}") or "", *Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    code = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for each in map(str, filter(None, candidates)):
        if not subprocess.run([each, "-c", code], check=False, capture_output=True).returncode:
            return each
    pytest.skip(f"there is no Python {version} here")


# --- its source ------------------------------------------------------------------------------------------------------


def test_it_is_python_3_9_and_what_starts_it_is_python_2() -> None:
    ast.parse(agent_source(), feature_version=(3, 9))
    assert not set("'\n!") & set(BOOT)  # so that every login shell takes it
    ast.parse(BOOT, feature_version=(3, 4))


def test_it_imports_only_what_every_python_has() -> None:
    imports = [node for node in ast.parse(agent_source()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert {"json", "collections.abc"} <= names
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names - {"tomllib"}  # of 3.11


def test_the_greeting_is_a_line_of_its_own() -> None:
    assert agent.GREETING.startswith(b"\n")  # a login's last line may have no end
    assert agent.GREETING.endswith(b"\n")


# --- frames ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=2000)))
def test_frames_survive_a_pipe(payloads: list[bytes]) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        for payload in payloads:
            agent.write_frame(writing, payload)
            assert agent.read_frame(stream) == payload
        os.close(writing)
        assert agent.read_frame(stream) is None


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_frame_that_is_not_whole_is_the_end(payload: bytes, data: st.DataObject) -> None:
    whole = agent.LENGTH.pack(len(payload)) + payload
    part = data.draw(st.integers(0, len(whole) - 1))
    assert agent.read_frame(io.BytesIO(whole[:part])) is None


def test_a_frame_that_is_too_long_is_the_end() -> None:
    assert agent.read_frame(io.BytesIO(agent.LENGTH.pack(agent.LONGEST_FRAME + 1))) is None


# --- how it starts ---------------------------------------------------------------------------------------------------


def test_it_says_what_the_board_is_and_has(place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        hello = board.ask("hello")
        (folder,) = place.files()
        assert hello["folder"] == str(place.folder / folder)
    assert folder.startswith(agent.FOLDER_PREFIX)
    assert hello["python"] == list(sys.version_info[:3])
    assert hello["executable"] == sys.executable
    assert set(hello["packages"]) == set(agent.PACKAGES)
    assert hello["packages"]["numpy"]
    assert hello["facts"]["machine"] == os.uname().machine
    assert hello["facts"]["memory_kb"] > 0
    assert hello["free_bytes"] > 0


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_it_runs_in_other_pythons(place: Place, version: str) -> None:
    with Session(LocalTransport(interpreter(version)), needed_bytes=0) as board:
        board.put("file", b"content")
        assert board.ask("hello")["facts"]["python"].startswith(version)
        assert any(name.endswith("/file") for name in place.files())


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8"])
def test_a_python_that_is_too_old_is_said(place: Place, version: str) -> None:
    expected = rf"local: Python {version} is too old, 3\.9 or newer is needed\.$"
    with pytest.raises(BoardError, match=expected), Session(LocalTransport(interpreter(version)), needed_bytes=0):
        pytest.fail("it has started")
    assert place.files() == []


def test_a_python_that_says_it_is_too_old_is_believed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "python").write_text(OLD.format(python=sys.executable, version=(3, 8, 20)))
    (tmp_path / "python").chmod(0o755)
    transport = LocalTransport(str(tmp_path / "python"))
    with pytest.raises(BoardError, match=r"Python 3\.8 is too old"), Session(transport, needed_bytes=0):
        pytest.fail("it has started")
    assert place.files() == []


@pytest.mark.parametrize("damage", [lambda source: source[:-1] + b"#", lambda source: b"#" + source[1:]])
def test_an_agent_that_did_not_arrive_as_it_was_sent_does_not_run(
    place: Place, damage: Callable[[bytes], bytes]
) -> None:
    class Damaging(LocalTransport):
        def command(self, boot: Sequence[str]) -> list[str]:
            true = agent_source()
            assert boot[4] == hashlib.sha256(true).hexdigest()
            return super().command(boot_arguments(damage(true), 0))

    with (
        pytest.raises(BoardError, match="the agent did not arrive as it was sent"),
        Session(Damaging(), needed_bytes=0),
    ):
        pytest.fail("it has started")
    assert place.files() == []


def test_nothing_is_imported_from_the_folder_where_the_login_begins(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("hashlib", "json", "queue", "platform", "numpy"):
        (home / f"{name}.py").write_text("raise SystemExit('this is not the module')")
    monkeypatch.chdir(home)
    monkeypatch.delenv("PYTHONPATH", raising=False)  # a relative one would be asking for it
    with Session(LocalTransport(), needed_bytes=0) as board:
        assert board.ask("hello")["python"]
        board.put("model.onnx", colour_classifier(np.eye(3)))
        assert place.files()
        assert board.ask("open", models=[OPENED], shape=[1, 3, 32, 32], tables=TABLES)["packages"]


OPENED = {"file": "model.onnx", "runtime": "onnxruntime"}
TABLES = [[0.0] * 256] * 3


# --- how it ends -----------------------------------------------------------------------------------------------------


@pytest.fixture
def working(place: Place) -> Iterator[Session]:
    """An agent with a file and a worker."""
    with Session(LocalTransport(), needed_bytes=0) as board:
        board.put("model.onnx", colour_classifier(np.eye(3)))
        board.ask("open", models=[OPENED], shape=[1, 3, 32, 32], tables=TABLES)
        assert len(place.processes()) == 2
        assert len(place.files()) == 2
        yield board


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_cleanly(place: Place, working: Session, number: signal.Signals) -> None:
    os.kill(working._process.pid, number)
    place.wait_for_the_end()
    assert place.files() == []


def test_the_end_of_the_connection_ends_it_cleanly(place: Place, working: Session) -> None:
    working.close()
    assert place.processes() == []
    assert place.files() == []


def test_bye_ends_it_cleanly(place: Place, working: Session) -> None:
    working.request("bye")
    place.wait_for_the_end()
    assert place.files() == []


def test_a_host_that_is_killed_leaves_nothing(place: Place, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(HOST)
    with subprocess.Popen([sys.executable, str(tmp_path / "script.py")], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "working\n"
        assert len(place.processes()) == 3  # the host, the agent, the worker
        assert place.files()
        host.kill()
    place.wait_for_the_end()
    assert place.files() == []


HOST = f"""
import time
import numpy as np
from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.session import Session
from tests.conftest import colour_classifier
with Session(LocalTransport(), needed_bytes=0) as board:
    board.put("model.onnx", colour_classifier(np.eye(3)))
    board.ask("open", models=[{OPENED!r}], shape=[1, 3, 32, 32], tables={TABLES!r})
    print("working", flush=True)
    time.sleep(3600)
"""


def test_silence_ends_it_cleanly(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"SILENCE_S = 60.0": "SILENCE_S = 0.2", "HEARTBEAT_S = 5.0": "HEARTBEAT_S = 0.05"}
    change_agent(monkeypatch, changes)
    monkeypatch.setattr(session, "PING_S", 3600)
    with Session(LocalTransport(), needed_bytes=0) as board:
        place.wait_for_the_end()
        assert place.files() == []
        with pytest.raises(BoardError, match="the connection was lost while the board worked"):
            board.ask("hello")


def test_words_of_the_host_keep_it_alive(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host says nothing but that it is there, for much longer than the agent would stand silence."""
    change_agent(monkeypatch, WATCH)
    monkeypatch.setattr(session, "PING_S", 0.01)
    alive: list[bytes] = []
    with Session(LocalTransport(), needed_bytes=0) as board:
        while len(alive) < 5:
            alive.append(board._receive(60))
        assert alive == [b'{"alive": true}'] * 5
        assert place.processes()


WATCH = {
    "time.monotonic() - self._heard > SILENCE_S": "self._heard == heard",
    "            time.sleep(HEARTBEAT_S)": """            heard = self._heard
            while self._heard == heard and time.monotonic() - heard < 30:
                time.sleep(0.001)""",
}
"""Waits for a word of the host, and only long after the host should have spoken it gives up."""


def test_the_folder_of_one_that_was_killed_is_removed_by_the_next(place: Place, working: Session) -> None:
    (left,) = {Path(name).parts[0] for name in place.files()}
    working._process.kill()
    working._process.wait()  # a zombie would pass for an agent that lives
    place.wait_for_the_end()  # its workers die with it
    assert {Path(name).parts[0] for name in place.files()} == {left}
    with Session(LocalTransport(), needed_bytes=0):
        (new,) = place.files()
        assert new != left


def test_a_worker_that_is_busy_ends_with_its_agent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    squares = "squares = np.frombuffer("
    busy = 'open(os.path.join(os.environ["TMPDIR"], "busy"), "w").close(); time.sleep(3600)'
    change_agent(monkeypatch, {squares: f"{busy}\n        {squares}"})
    with Session(LocalTransport(), needed_bytes=0) as board:
        board.put("model.onnx", colour_classifier(np.eye(3)))
        board.ask("open", models=[OPENED], shape=[1, 3, 32, 32], tables=TABLES)
        board.request("infer", count=1)
        board.send_bytes(bytes(3 * 32 * 32))
        while not any(Path(name).name == "busy" for name in place.files()):
            time.sleep(0.01)
        board._process.kill()
        board._process.wait()
        place.wait_for_the_end()
    with Session(LocalTransport(), needed_bytes=0):
        assert len(place.files()) == 1


def test_only_folders_of_dead_agents_are_removed(place: Place) -> None:
    alive, dead = f"{agent.FOLDER_PREFIX}{os.getpid()}-abc", f"{agent.FOLDER_PREFIX}{HIGHEST_PID + 1}-abc"
    others = (f"{agent.FOLDER_PREFIX}notes-abc", agent.FOLDER_PREFIX, "levit-edge")
    for name in (alive, dead, *others):
        (place.folder / name).mkdir()
    with Session(LocalTransport(), needed_bytes=0) as board:
        own = Path(board.ask("hello")["folder"]).name
        assert place.files() == sorted([alive, own, *others])
    for name in (alive, *others):
        (place.folder / name).rmdir()


def test_onnx_runtime_neither_reports_nor_leaves_files(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the agent's care 1.31 leaves an identifier in the home folder, and a file in TMPDIR."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    for name in agent.NO_TELEMETRY:
        monkeypatch.delenv(name, raising=False)
    with Session(LocalTransport(), needed_bytes=0) as board:
        board.put("model.onnx", colour_classifier(np.eye(3)))
        board.ask("open", models=[OPENED], shape=[1, 3, 32, 32], tables=TABLES)
        assert [Path(name).name for name in place.files()[1:]] == ["model.onnx"]
    assert list(home.rglob("*")) == []


# --- its disk --------------------------------------------------------------------------------------------------------

DISK = 1 << 20


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """A disk of 1 MiB where the agent puts its files."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place.folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place.folder
        place.wait_for_the_end()
        assert place.files() == []
    finally:
        subprocess.run(["umount", "--lazy", place.folder], check=True)


@pytest.mark.parametrize("size", [DISK + 1, 3 * DISK, 3 * DISK + 1])
def test_a_disk_that_fills_up_is_an_error_and_the_next_file_finds_room(small_disk: Path, size: int) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        with pytest.raises(
            BoardError, match=r"the board's disk is full: .*: No space left on device\. Free some space"
        ):
            board.put("large", bytes(size))
        assert [path.name for path in small_disk.glob("*/*")] == []
        board.put("small", b"content")
        assert [path.read_bytes() for path in small_disk.glob("*/*")] == [b"content"]


def test_a_last_part_that_fits_only_in_part_is_an_error(small_disk: Path) -> None:
    """The system writes what fits and calls that done."""
    (small_disk / "ballast").write_bytes(bytes(DISK - (DISK >> 2)))
    with Session(LocalTransport(), needed_bytes=0) as board:
        with pytest.raises(BoardError, match="the board's disk is full"):
            board.put("large", bytes(DISK >> 1))
        assert [path.name for path in small_disk.glob("*/*")] == []
    (small_disk / "ballast").unlink()


def test_too_little_room_is_said_before_anything_is_sent(place: Place) -> None:
    with (
        pytest.raises(
            BoardError, match=r"local: 4194305 MiB are needed for the files, and .*place has \d+, .* free\.$"
        ),
        Session(LocalTransport(), needed_bytes=1 << 42),
    ):
        pytest.fail("it has started")
    assert place.files() == []


def test_another_folder_is_taken_where_the_first_has_no_room(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with Session(LocalTransport(), needed_bytes=DISK + 1) as board:
        assert Path(board.ask("hello")["folder"]).parent != small_disk


def test_a_file_that_did_not_arrive_whole_is_an_error(place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        board.request("put", name="model.onnx", size=3, sha256=hashlib.sha256(b"abd").hexdigest())
        board.send_bytes(b"abc")
        with pytest.raises(BoardError, match=r"model\.onnx did not arrive as it was sent"):
            board.answer()
        assert place.files()


def test_files_stay_in_its_folder(place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        board.put("../../outside", b"content")
        (_, file) = place.files()
        assert Path(file).name == "outside"
        assert Path(file).parts[0].startswith(agent.FOLDER_PREFIX)


def test_a_request_that_it_does_not_know_is_an_error_and_the_next_is_answered(place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        with pytest.raises(BoardError, match="AttributeError"):
            board.ask("dance")
        assert board.ask("hello")["folder"].startswith(str(place.folder))


# --- its workers -----------------------------------------------------------------------------------------------------


def test_runs_are_timed_after_those_that_are_not() -> None:
    ran: list[None] = []
    worker = agent.Worker()
    worker.image, worker.run_one = None, ran.append
    assert len(worker.run(warm_up=2, times=3)["ms"]) == 3
    assert len(ran) == 5


def test_squares_of_pixels_become_what_the_tables_say() -> None:
    worker, seen = agent.Worker(), []
    worker.image = np.zeros((1, 3, 2, 2), np.float32)
    worker.normalise_by([[channel * 1000 + value for value in range(256)] for channel in range(3)])

    def run_one(image: Any) -> Any:
        seen.append(image)
        return np.array([1.0, 2.0], np.float32)

    worker.run_one = run_one
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    answer, logits = worker.infer(pixels.tobytes(), 2)
    assert len(answer["seconds"]) == 2
    assert np.frombuffer(logits, "<f4").tolist() == [1, 2, 1, 2]
    for square, image in zip(pixels, seen, strict=True):
        assert image.dtype == np.float32
        assert np.array_equal(image[0], square.transpose(2, 0, 1) + 1000.0 * np.arange(3)[:, None, None])


def test_a_runtime_that_is_missing_is_named() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "executorch_numpy_runtime", None)
        patched.setitem(sys.modules, "torch", None)
        with pytest.raises(agent.AgentError, match=r"executorch-numpy-runtime: .*; executorch: ") as caught:
            agent.import_engine("executorch")
    assert caught.value.kind == "missing"


def test_engines_are_tried_in_order() -> None:
    def lacking() -> ImportError:
        return ImportError("no")

    def load(_model: bytes, _threads: int) -> Callable[[Any], Any]:
        raise NotImplementedError

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(agent.ENGINES, "executorch-numpy-runtime", lacking)
        patched.setitem(agent.ENGINES, "executorch", lambda: load)
        patched.setattr(agent, "installed_version", lambda _package: "9")
        assert agent.import_engine("executorch") == ("executorch 9", load)


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (signal.SIGKILL, "SIGKILL, often for want of memory"),
        (signal.SIGILL, "SIGILL: an instruction this processor has not"),
        (signal.SIGSEGV, "SIGSEGV: the file is damaged or hostile, or the runtime does not fit this processor"),
    ],
)
def test_a_worker_that_dies_says_how(place: Place, working: Session, number: signal.Signals, how: str) -> None:
    (worker,) = place.workers(working)
    os.kill(worker, number)
    working.request("infer", count=1)
    working.send_bytes(bytes(3 * 32 * 32))
    with pytest.raises(BoardError, match=rf"a process on the board ended: model\.onnx: its process died \({how}\)\."):
        working.answer()


def test_a_worker_is_stopped_between_requests() -> None:
    lane = agent.Lane()
    assert lane.ask(do="memory")["peak_bytes"] > 0
    while state(lane.pid) != "T":
        time.sleep(0.001)
    assert lane.ask(do="memory")["peak_bytes"] > 0
    lane.close()
    assert not Path(f"/proc/{lane.pid}").exists()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

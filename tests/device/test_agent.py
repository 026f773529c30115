"""The agent itself, run as it is on a board: in a process of its own, with this computer as the board."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from levit_edge.board.session import AGENT, Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.transports.transport import agent_source, boot_arguments
from levit_edge.device.engines import NO_TELEMETRY, PACKAGES
from levit_edge.device.folder import FOLDER_PREFIX
from levit_edge.errors import BoardError
from tests.board.conftest import Place
from tests.device.example import open_model

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


def test_it_says_what_the_board_is_and_has(place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        hello = board.ask("hello")
        (folder,) = place.files()
        assert hello["folder"] == str(place.folder / folder)
    assert folder.startswith(FOLDER_PREFIX)
    assert hello["python"] == list(sys.version_info[:3])
    assert hello["executable"] == sys.executable
    assert set(hello["packages"]) == set(PACKAGES)
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
            return super().command(boot_arguments(damage(true), AGENT, 0))

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
        assert place.files()
        assert open_model(board)["packages"]


def test_onnx_runtime_neither_reports_nor_leaves_files(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the agent's care 1.31 leaves an identifier in the home folder, and a file in TMPDIR."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    for name in NO_TELEMETRY:
        monkeypatch.delenv(name, raising=False)
    with Session(LocalTransport(), needed_bytes=0) as board:
        open_model(board)
        assert [Path(name).name for name in place.files()[1:]] == ["model.onnx"]
    assert list(home.rglob("*")) == []


def test_a_file_that_cannot_be_opened_is_not_among_those_that_are(place: Place) -> None:
    """As one with float16 that nobody asked for: the others run."""
    with Session(LocalTransport(), needed_bytes=0) as board:
        open_model(board)
        board.put("other.onnx", b"damaged")
        with pytest.raises(BoardError, match=r"other\.onnx: onnxruntime \S+ refuses the file"):
            board.ask(
                "open",
                models=[{"file": "other.onnx", "runtime": "onnxruntime"}],
                shape=[1, 3, 32, 32],
                tables=[[0.0] * 256] * 3,
            )
        board.request("infer", count=1)
        board.send_bytes(bytes(32 * 32 * 3))
        assert len(board.answer()["seconds"]) == 1
        assert len(board.payload()) == 4 * 3
        assert board.answer() == {"done": True}
        assert place.files()


def test_a_file_that_fails_after_it_was_opened_is_named(place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        open_model(board)
        board.request("infer", count=1)
        board.send_bytes(b"no photograph")
        with pytest.raises(BoardError, match=r"model\.onnx: ValueError") as error:
            board.answer()
        assert error.value.file == "model.onnx"
        assert place.files()


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
        assert Path(file).parts[0].startswith(FOLDER_PREFIX)


def test_a_request_that_it_does_not_know_is_an_error_and_the_next_is_answered(place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        with pytest.raises(BoardError, match="AttributeError"):
            board.ask("dance")
        assert board.ask("hello")["folder"].startswith(str(place.folder))

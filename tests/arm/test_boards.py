"""The emulated boards are what other tests take them for: aarch64, apart from each other, and gone when they end."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.arm.board import SCRIPTS, Board
from tests.arm.commands import until
from tests.arm.conftest import Adb, StartBoard

pytestmark = pytest.mark.device

GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
IMPORTS = "import numpy, onnxruntime, executorch_numpy_runtime; print(numpy.__version__, onnxruntime.__version__)"


def python(board: Board, statement: str) -> subprocess.CompletedProcess[str]:
    # without the variable, importing onnxruntime leaves an identifier on the board
    return board.shell(f"ORT_DISABLE_TELEMETRY=1 python3 -c '{statement}'")


def remains(board: Board) -> list[str]:
    """Processes of the machine that have to do with the board, by their command line or by what they have mounted."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            texts = [(process / name).read_text(errors="replace") for name in ("cmdline", "mountinfo")]
        except OSError:
            continue
        if any(f"{board.folder}/" in text or f"/{board.folder.name}/mount" in text for text in texts):
            found.append(texts[0])
    return found


def test_a_board_is_aarch64_and_knows_its_name(board: Board) -> None:
    done = board.shell("uname -nm; id -u")
    assert done.stdout == f"{board.folder.name} aarch64\n0\n"
    assert done.stderr == ""


def test_the_remote_exit_status_and_both_streams_come_back(board: Board) -> None:
    done = board.shell("echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


def test_the_address_does_as_well_as_the_name(board: Board) -> None:
    done = subprocess.run(
        ["ssh", "-F", board.ssh_config, "-o", "BatchMode=yes", board.address, "uname -m"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "aarch64\n", done.stderr


def test_another_host_key_is_refused(board: Board, old_board: Board, tmp_path: Path) -> None:
    wrong = tmp_path / "ssh_config"
    wrong.write_text(board.ssh_config.read_text().replace(str(board.port), str(old_board.port)))
    known = board.folder / "known_hosts"
    (tmp_path / "known_hosts").write_text(known.read_text().replace(str(board.port), str(old_board.port)))
    wrong.write_text(wrong.read_text().replace(str(known), str(tmp_path / "known_hosts")))
    done = subprocess.run(["ssh", "-F", wrong, old_board.address, "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 255
    assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_files_are_copied_there_and_back(board: Board, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "there").write_bytes(content)
    scp = ["scp", "-q", "-F", str(board.ssh_config)]
    subprocess.run([*scp, tmp_path / "there", f"{board.folder.name}:/tmp/copy"], check=True)
    subprocess.run([*scp, f"{board.folder.name}:/tmp/copy", tmp_path / "back"], check=True)
    board.shell("rm /tmp/copy")
    assert (tmp_path / "back").read_bytes() == content


def test_boards_do_not_see_each_other(board: Board, old_board: Board) -> None:
    board.shell("echo 1 | tee /tmp/x /root/x /home/x /dev/shm/x /data/local/tmp/x /etc/x")
    assert board.files() == ["/data/local/tmp/x", "/dev/shm/x", "/home/x", "/root/x", "/tmp/x"]
    assert old_board.files() == []
    assert old_board.shell("cat /tmp/x /etc/x").returncode != 0
    board.shell("rm /tmp/x /root/x /home/x /dev/shm/x /data/local/tmp/x /etc/x")
    assert board.files() == []


def test_processes_are_those_of_the_board_without_its_servers(board: Board, old_board: Board) -> None:
    board.shell("sleep 1000 > /dev/null 2>&1 & sleep 2000 > /dev/null 2>&1 &")
    until(lambda: sorted(board.processes()) == ["sleep 1000", "sleep 2000"])
    assert old_board.processes() == []
    board.shell("pkill sleep")
    until(lambda: board.processes() == [])


def test_processors_differ(board: Board, old_board: Board) -> None:
    features = [each.shell("cat /proc/cpuinfo").stdout for each in (board, old_board)]
    assert ["asimddp" in each for each in features] == [True, False]
    assert [re.findall("CPU part\t: (.*)", each)[0] for each in features] == ["0xd0b", "0xd03"]


def test_sysfs_is_the_boards_own_and_can_be_set(board: Board) -> None:
    assert board.shell(f"cat {GOVERNOR}").stdout == "performance\n"
    assert board.shell(f"echo powersave > {GOVERNOR}; cat {GOVERNOR}").stdout == "powersave\n"
    board.shell(f"echo performance > {GOVERNOR}")
    assert board.shell("cat /sys/devices/system/cpu/online").stdout == "0\n"
    assert board.shell("cat /sys/class/thermal/thermal_zone0/temp").stdout == "45000\n"


def test_a_board_reaches_no_network(board: Board) -> None:
    interfaces = board.shell("cat /proc/net/dev").stdout.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]


def test_python_has_numpy_and_both_runtimes(board: Board) -> None:
    done = python(board, IMPORTS)
    assert done.stdout == "2.5.5 1.32.0\n", done.stderr


def test_a_virtual_environment_can_be_made(board: Board) -> None:
    done = board.shell("python3 -m venv /tmp/venv && /tmp/venv/bin/pip --version", timeout_s=300)
    assert "/tmp/venv/lib/python3.13" in done.stdout, done.stderr
    assert "No module named 'numpy'" in board.shell("/tmp/venv/bin/python -c 'import numpy'").stderr
    board.shell("rm -r /tmp/venv")


def test_a_board_may_lack_packages(start_board: StartBoard) -> None:
    board = start_board(without_numpy=True)
    assert "No module named 'numpy'" in python(board, IMPORTS).stderr
    assert python(board, "print(1)").stdout == "1\n"
    board.stop()
    board = start_board(without_runtimes=True)
    assert "No module named 'onnxruntime'" in python(board, IMPORTS).stderr
    assert "No module named 'executorch" in python(board, "import executorch_numpy_runtime").stderr
    board.stop()


def test_a_board_may_lack_python_and_its_disk_be_full(start_board: StartBoard) -> None:
    board = start_board(without_python=True, tmp_size="4M")
    assert "python3: command not found" in python(board, "").stderr
    for folder in ("/tmp", "/root", "/home", "/dev/shm", "/opt"):
        done = board.shell(f"head -c 5M /dev/zero > {folder}/file; rm {folder}/file")
        assert "No space left on device" in done.stderr, folder
    assert board.shell("head -c 3M /dev/zero > /tmp/file && rm /tmp/file").returncode == 0
    board.stop()


def test_adb_reaches_a_real_adbd(board: Board, adb: Adb, tmp_path: Path) -> None:
    assert "connected to" in adb("connect", board.serial).stdout
    shell = adb("-s", board.serial, "shell", "uname -m; grep -o asimddp /proc/cpuinfo | head -n 1; exit 7")
    assert (shell.stdout, shell.returncode) == ("aarch64\nasimddp\n", 7)
    content = os.urandom(3_000_000)
    (tmp_path / "there").write_bytes(content)
    assert adb("-s", board.serial, "push", str(tmp_path / "there"), "/data/local/tmp/copy").returncode == 0
    assert adb("-s", board.serial, "pull", "/data/local/tmp/copy", str(tmp_path / "back")).returncode == 0
    assert adb("-s", board.serial, "exec-out", "rm /data/local/tmp/copy; echo done").stdout == "done\n"
    assert (tmp_path / "back").read_bytes() == content
    assert adb("disconnect", board.serial).returncode == 0


def test_two_adbds_do_not_meet(board: Board, start_board: StartBoard, adb: Adb) -> None:
    other = start_board(adb=True, cpu="neoverse-n2")
    for each in (board, other):
        adb("connect", each.serial)
        assert adb("-s", each.serial, "shell", "uname -n").stdout == f"{each.folder.name}\n"
        adb("disconnect", each.serial)
    other.stop()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_remains_of_a_board(start_board: StartBoard, end: signal.Signals) -> None:
    board = start_board()
    board.shell("setsid sleep 1000 > /dev/null 2>&1 &")
    until(lambda: "sleep 1000" in board.processes())
    assert any("sleep" in each for each in remains(board))
    board.process.send_signal(end)
    assert board.process.wait() == (-9 if end == signal.SIGKILL else 0)
    if end == signal.SIGKILL:  # the kernel ends the board, by and by
        until(lambda: not remains(board))
        (board.folder / "pid").unlink()
    assert remains(board) == []
    assert "levit" not in Path("/proc/mounts").read_text()
    assert not any((board.folder / "mount").iterdir())
    keys = {"host_key", "host_key.pub", "id_ed25519", "id_ed25519.pub", "known_hosts", "ssh_config"}
    assert {path.name for path in board.folder.iterdir()} == {*keys, ".lock", "log", "mount"}


def test_a_connection_that_is_cut_ends_what_it_ran_for(board: Board) -> None:
    """As with any ssh server: the session is over, and a program that reads its input sees the end of it."""
    ssh = ["ssh", "-F", str(board.ssh_config), board.folder.name, "cat"]
    client = subprocess.Popen(ssh, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    until(lambda: "cat" in board.processes())
    client.kill()
    client.communicate()
    until(lambda: "cat" not in board.processes())


def test_wrong_usage_is_one_message(board_folder: Path, board: Board, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    def says(script: str, *arguments: str | Path) -> tuple[int, str]:
        done = subprocess.run([SCRIPTS / script, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    assert says("start.sh", board_folder, "--cpu", "pentium")[0] == 2
    assert "neoverse-n2" in says("start.sh", board_folder, "--cpu", "pentium")[1]
    assert says("start.sh", board_folder, "--port", "http")[0] == 2
    assert says("start.sh", board_folder, "--name", "../x")[0] == 2
    assert says("start.sh", board_folder, "--cup", "max")[0] == 2
    assert says("start.sh", board_folder, "--name", board.folder.name) == (
        3,
        f"start.sh: {board.folder.name} runs already; --name starts another\n",
    )
    assert says("start.sh", board_folder, "--name", "other", "--port", str(board.port)) == (
        3,
        f"start.sh: port {board.port} is taken on 127.0.0.1\n",
    )
    status, message = says("start.sh", empty)
    assert status == 3
    assert f"run {SCRIPTS}/setup.sh {empty}" in message
    assert says("setup.sh")[0] == 2
    assert says("setup.sh", "--count", board_folder)[0] == 2


def test_setup_keeps_what_is_there(board_folder: Path) -> None:
    done = subprocess.run([SCRIPTS / "setup.sh", board_folder], capture_output=True, text=True, check=True)
    assert done.stdout == f"ready: {board_folder}\n"


def test_setup_replaces_nothing_while_boards_run(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()  # made by an unknown recipe
    board = subprocess.Popen(["flock", "--shared", tmp_path / ".in-use", "cat"], stdin=subprocess.PIPE)
    lock = ["flock", "--nonblock", "--exclusive", str(tmp_path / ".in-use"), "true"]
    until(lambda: (tmp_path / ".in-use").exists() and subprocess.run(lock, check=False).returncode == 1)
    done = subprocess.run([SCRIPTS / "setup.sh", tmp_path], capture_output=True, text=True, check=False)
    board.communicate()
    assert done.returncode == 3
    assert f"the old {tmp_path}/tools is in use" in done.stderr


def test_setup_needs_root(tmp_path: Path) -> None:
    """As another user, who need not be able to read the scripts or to write to the folder."""
    source = '. "$here/../debian.sh"\n'
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", "bash", "-s", "--", "/nonexistent"],
        input=(SCRIPTS.parent / "debian.sh").read_text() + (SCRIPTS / "setup.sh").read_text().replace(source, ""),
        cwd=tmp_path.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs root" in done.stderr

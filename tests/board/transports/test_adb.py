"""What adb says of devices that are not ready, and Termux: with a pretended adb, as no phone is here to show them."""

import sys
from pathlib import Path

import pytest

from levit_edge.board.android.app import measure_by_agent_or_app
from levit_edge.board.measure import BenchmarkSettings
from levit_edge.board.transports.adb import AdbTransport
from levit_edge.board.transports.adb_device import AdbDevice, parse_devices
from levit_edge.board.transports.target import open_target
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BoardError, NoPythonError
from tests.board.fake_phone import SERIAL, FakePhone

LISTING = (
    "* daemon not running; starting now at tcp:5037\n* daemon started successfully\nList of devices attached\n"
    "0A041FDD400327\tdevice\n127.0.0.1:5555\toffline\n"
    "????????????\tno permissions (user in plugdev group; are your udev rules wrong?); see [http://…]\n\n"
)


def message_of(name: str = "adb") -> str:
    with pytest.raises(BoardError) as caught:
        AdbDevice(name).shell("true")
    return str(caught.value)


def test_a_listing_is_parsed() -> None:
    assert parse_devices(LISTING) == {
        "0A041FDD400327": "device",
        "127.0.0.1:5555": "offline",
        "????????????": "no permissions (user in plugdev group; are your udev rules wrong?); see [http://…]",
    }
    assert parse_devices("List of devices attached\n\n") == {}


@pytest.mark.parametrize("name", ["adb:", "adb: ", "adb:a b", "adb:a\n", "adbd", "adb://host"])
@pytest.mark.usefixtures("phone")
def test_what_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(BoardError, match=r"is not a device|is not a board|is not connected"):
        AdbDevice(name).shell("true")


def test_serial_numbers_may_have_colons(phone: FakePhone) -> None:
    phone.lists("List of devices attached\n127.0.0.1:5555\tdevice\n")
    assert AdbDevice("adb:127.0.0.1:5555").command("id")[1:] == ["-s", "127.0.0.1:5555", "shell", "-T", "id"]


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("unauthorized", "allow USB debugging on its screen"),
        ("authorizing", "answer on its screen"),
        ("offline", "plug it in again"),
        ("no permissions (missing udev rules? user is in the plugdev group); see [http://…]", "udev rules"),
        ("recovery", "start it normally"),
        ("bootloader", "start it normally"),
    ],
)
def test_a_device_that_is_not_ready_is_explained(phone: FakePhone, state: str, advice: str) -> None:
    phone.lists(f"List of devices attached\n{SERIAL}\t{state}\n")
    for name in ("adb", f"adb:{SERIAL}"):
        assert advice in message_of(name)
        assert state in message_of(name)


def test_several_devices_are_listed(phone: FakePhone) -> None:
    phone.lists(LISTING)
    message = message_of()
    assert "adb lists 3 devices, 0A041FDD400327 (device), 127.0.0.1:5555 (offline)" in message
    assert "--on adb:0A041FDD400327" in message


def test_a_device_that_is_not_listed_is_not_connected(phone: FakePhone) -> None:
    assert message_of("adb:10.0.0.7:5555") == (
        "adb:10.0.0.7:5555 is not connected: `adb connect 10.0.0.7:5555` first; adb lists 0A041FDD400327 (device)."
    )
    phone.lists("List of devices attached\n\n")
    assert message_of("adb:other") == "adb:other is not connected; adb lists no device."
    assert "adb lists no device: allow USB debugging" in message_of()


def test_without_adb_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no adb here: install it (Debian: `apt install adb`" in message_of()


def test_a_command_that_adb_refuses_is_explained(phone: FakePhone) -> None:
    adb = phone.folder / "adb"
    adb.write_text(
        adb.read_text().replace('echo "adb: $*"', "echo \"error: device 'X' not found\"").replace("-T", "-X")
    )
    assert message_of() == "adb: it is not connected any more (error: device 'X' not found)."


def test_python_in_the_shell_is_preferred(phone: FakePhone) -> None:
    phone.has("python3", "exit 0")
    phone.has_termux(Path(sys.executable))
    assert "run-as" not in AdbTransport("adb").command(["-c", "0"])[-1]


def test_the_agent_runs_in_termux(phone: FakePhone, tiny_bundle: Path) -> None:
    """A pretended Termux, whose Python is this one; a phone's was not tried."""
    phone.is_android()
    phone.has_termux(Path(sys.executable))
    transport = open_target("adb")
    measured = measure_by_agent_or_app(Bundle.open(tiny_bundle), transport, BenchmarkSettings(threads=(1,), runs=2))
    assert [(each.artifact, each.error, each.runs) for each in measured.results] == [
        ("fp32.onnx", "", 2),
        ("int8.onnx", "", 2),
    ]
    assert list((phone.termux / "usr" / "tmp").iterdir()) == []


def test_a_termux_that_adb_may_not_enter_is_explained(phone: FakePhone) -> None:
    phone.has_termux(None)
    with pytest.raises(
        NoPythonError, match=r"not debuggable.*GitHub.*adb forward tcp:8022 tcp:8022.*ssh://127\.0\.0\.1"
    ):
        AdbTransport("adb").command(["-c", "0"])


def test_the_python_of_the_user_is_looked_for(phone: FakePhone) -> None:
    phone.has("python3", "exit 0")
    with pytest.raises(NoPythonError, match=r"there is no /opt/python3 on the device"):
        AdbTransport("adb", python="/opt/python3").command(["-c", "0"])


def test_without_python_and_app_both_ways_are_named(phone: FakePhone, tiny_bundle: Path) -> None:
    phone.is_android()
    with pytest.raises(
        NoPythonError, match=r"Termux.*dev\.levitedge\.demo could measure.*android_demo/README\.md says how"
    ):
        measure_by_agent_or_app(Bundle.open(tiny_bundle), AdbTransport("adb"), BenchmarkSettings())


@pytest.mark.usefixtures("phone")
def test_a_linux_board_is_not_told_about_the_app(tiny_bundle: Path) -> None:
    with pytest.raises(NoPythonError) as caught:
        measure_by_agent_or_app(Bundle.open(tiny_bundle), AdbTransport("adb"), BenchmarkSettings())
    assert "dev.levitedge.demo" not in str(caught.value)

"""What the agent says of an Android device, with a pretended `getprop`: no phone is here."""

import pytest

from levit_edge.device.facts import read_facts
from tests.board.fake_phone import FakePhone


def test_android_tells_maker_model_and_system_on_chip(phone: FakePhone, monkeypatch: pytest.MonkeyPatch) -> None:
    phone.is_android()
    monkeypatch.setenv("PATH", str(phone.programs))
    monkeypatch.setenv("ANDROID_ROOT", "/system")
    facts = read_facts()
    assert facts["model"] == "Google Pixel 7 (Tensor G2)"


def test_getprop_is_not_asked_elsewhere(phone: FakePhone, monkeypatch: pytest.MonkeyPatch) -> None:
    phone.is_android()
    monkeypatch.setenv("PATH", str(phone.programs))
    monkeypatch.delenv("ANDROID_ROOT", raising=False)
    assert "Pixel" not in str(read_facts())


def test_android_without_getprop_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("ANDROID_ROOT", "/system")
    assert "Pixel" not in str(read_facts())

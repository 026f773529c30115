"""What a shell offers for options and arguments."""

from pathlib import Path

import pytest

from levit_edge.cli.options import bundles


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("", ["one", "other"]),
        ("o", ["one", "other"]),
        ("ot", ["other"]),
        ("de", []),
        ("deeper/", ["deeper/third"]),
        ("deeper/x", []),
        ("./o", ["./one", "./other"]),
        ("no/such/", []),
        (".h", [".hidden"]),
    ],
)
def test_bundles_are_offered_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: str, offered: list[str]
) -> None:
    for place in ("one", "other", "deeper/third", ".hidden"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "manifest.json").touch()
    (tmp_path / "orphan").mkdir()
    monkeypatch.chdir(tmp_path)
    assert bundles(begun) == offered
    assert bundles(f"{tmp_path}/{begun}") == [f"{tmp_path}/{each}" for each in offered]

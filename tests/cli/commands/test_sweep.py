"""What `levit-edge sweep` says before the sweep begins."""

from pathlib import Path
from typing import Any

import pytest

from levit_edge.cli.main import run
from levit_edge.data.named_sets import is_kept
from levit_edge.errors import ExitStatus, SweepError
from levit_edge.sweep import sweep as sweeping
from tests.data.served_set import serve_imagenette
from tests.data.sources.made_up import jpeg
from tests.model.conftest import web

__all__ = ["web"]

PLAN = """
[[checkpoints]]
size = "demo"
[calibration]
images = "imagenette"
[evaluation]
images = "imagenette"
"""


def test_the_source_and_licence_of_a_public_set_are_said_before_it_is_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, web: Any
) -> None:
    chosen = serve_imagenette({"set/dress/1.jpg": jpeg(1)}, "set", web, tmp_path / "cache", monkeypatch)
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans/plan.toml").write_text(PLAN)
    (tmp_path / "imagenette").mkdir()  # not beside the plan
    monkeypatch.chdir(tmp_path)

    def begun(*_arguments: Any, **_options: Any) -> None:
        assert is_kept(chosen)
        raise SweepError("it has begun")

    monkeypatch.setattr(sweeping, "sweep", begun)
    assert run(["sweep", "plans/plan.toml"]) == ExitStatus.BAD_INPUT
    said = " ".join(capsys.readouterr().err.split())
    assert said.count(chosen.notice) == 1
    assert said.index(chosen.notice) < said.index("it has begun")
    assert len(web.ranges_seen) == 1

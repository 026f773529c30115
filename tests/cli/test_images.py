"""Images as people have them, through the command line: archives, tables, lists, and public sets by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus
from tests.data.served_set import serve_imagenette
from tests.data.sources.made_up import write_tar
from tests.model.conftest import web

__all__ = ["web"]

Captured = pytest.CaptureFixture[str]
CLASSES = ("red", "green", "blå")


@pytest.fixture
def photographs(labelled_photographs: Path) -> dict[str, bytes]:
    """Alone, by names that say their classes."""
    paths = sorted(labelled_photographs.glob("*/*"))
    return {f"{path.parent.name}-{path.name}": path.read_bytes() for path in paths}


def verified(captured: Captured, *arguments: object) -> dict[str, Any]:
    assert run(["verify", *map(str, arguments), "--json"]) == ExitStatus.DONE
    document: dict[str, Any] = json.loads(captured.readouterr().out)
    return document


def test_a_table_and_a_list_go_with_a_tar_file(
    tiny_bundle: Path, photographs: dict[str, bytes], tmp_path: Path, capsys: Captured
) -> None:
    images = write_tar(tmp_path / "val.tar", photographs)
    rows = "".join(f"{name}\t{CLASSES.index(name.rpartition('-')[0])}\n" for name in photographs)
    (tmp_path / "val.txt").write_text(f"image\tlabel\n{rows}")
    (tmp_path / "only.txt").write_text("".join(f"{name}\n" for name in [*photographs][:20]))
    options = ("--labels", tmp_path / "val.txt", "--only", tmp_path / "only.txt", "--workers", "1")
    found = verified(capsys, tiny_bundle, "--evaluation", images, *options)
    assert found["samples"] == 20
    assert found["labelled"]


def test_a_public_set_is_fetched_by_name(
    tiny_bundle: Path,
    photographs: dict[str, bytes],
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    web: Any,
) -> None:
    files = {f"set/val/{name.rpartition('-')[0]}/{name}": content for name, content in photographs.items()}
    chosen = serve_imagenette(files, "set/val", web, tmp_path / "cache", monkeypatch)
    monkeypatch.chdir(tmp_path)
    arguments = ["verify", str(tiny_bundle), "--evaluation", "imagenette", "--workers", "1"]
    assert run(arguments) == ExitStatus.DONE
    said = capsys.readouterr().err
    assert chosen.notice in " ".join(said.split())
    assert said.index(chosen.title[:20]) < said.index("fetch imagenette ") < said.index("verify ")
    assert verified(capsys, *arguments[1:])["images"]["source"] == "imagenette"
    assert len(web.ranges_seen) == 1


def test_what_is_not_there_is_said_at_once(tiny_bundle: Path, tmp_path: Path, capsys: Captured) -> None:
    assert run(["verify", str(tiny_bundle), "--evaluation", str(tmp_path / "absent")]) == ExitStatus.BAD_INPUT
    said = " ".join(capsys.readouterr().err.split())
    assert "absent does not exist; expected a folder of images, a tar file, or parquet files" in said
    assert "or a public set by its name: imagenette, imagenetv2" in said
    for option in ("--labels", "--devkit", "--only"):
        assert run(["verify", "x.zip", option, "y"]) == ExitStatus.USAGE
        assert "goes with a bundle" in capsys.readouterr().err

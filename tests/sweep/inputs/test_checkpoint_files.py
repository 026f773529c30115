from pathlib import Path
from tempfile import gettempdir

import pytest

from levit_edge import demo
from levit_edge.errors import CheckpointError, DataError
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.sweep.inputs.checkpoint_files import checkpoint_paths, fetch
from tests.sweep.places import Put, put_in_memory


def copies() -> set[Path]:
    return set(Path(gettempdir()).glob("levit-edge-checkpoint-*"))


def test_a_checkpoint_is_fetched_from_anywhere(put: Put) -> None:
    before = copies()
    content = demo.checkpoint_path().read_bytes()
    folder = put({"a.safetensors": content, "b.pth": b"x", "hub/config.json": b"{}", "hub/notes.md": b"x"})
    (found,) = checkpoint_paths(f"{folder}/*.safetensors")
    with fetch(found.path) as path:
        assert read_checkpoint(path).config.name == "demo"
        assert path.name == "a.safetensors"
    assert copies() == before


def test_all_that_match_are_found_sorted(put: Put) -> None:
    folder = put(
        {"b.pth": b"b", "a.pth": b"a", ".c.pth": b"c", "hub/config.json": b"{}", "hub/model.safetensors": b"x"}
    )
    found = checkpoint_paths(f"{folder}/*")
    assert [each.path.rpartition("/")[2] for each in found] == ["a.pth", "b.pth", "hub"]
    assert checkpoint_paths(f"{folder}/hub") == found[2:]
    import fsspec

    system, root = fsspec.core.url_to_fs(folder)
    system.pipe_file(f"{root}/hub/model.safetensors", b"another")
    system.pipe_file(f"{root}/a.pth", b"another")
    again = checkpoint_paths(f"{folder}/*")
    assert [one == other for one, other in zip(found, again, strict=True)] == [False, True, False]


def test_of_a_folder_only_the_models_files_are_fetched(s3: Put) -> None:
    for folder in (
        s3(files := {"m/config.json": b"{}", "m/pytorch_model.bin": b"x", "m/x/1": b""}),
        put_in_memory(files),
    ):
        with fetch(f"{folder}/m") as path:
            assert {each.name: each.read_bytes() for each in path.iterdir()} == {
                "config.json": b"{}",
                "pytorch_model.bin": b"x",
            }


def test_a_local_checkpoint_is_not_copied(tmp_path: Path) -> None:
    with fetch(f"file://{tmp_path}/b.pth") as path:
        assert path == tmp_path / "b.pth"


@pytest.mark.parametrize("pattern", ["x.pth", "*.pth", "[a-c]/x"])
def test_none_is_an_error(put: Put, pattern: str) -> None:
    with pytest.raises(CheckpointError, match="does not exist; expected checkpoints"):
        checkpoint_paths(f"{put({'y.txt': b''})}/{pattern}")


def test_one_that_is_gone_is_named(s3: Put) -> None:
    before = copies()
    for folder in (s3({"x": b""}), put_in_memory({"x": b""})):
        with pytest.raises(CheckpointError, match=r"y\.pth: it does not exist$"), fetch(f"{folder}/y.pth"):
            pass
    assert copies() == before


def test_commands_are_not_run() -> None:
    with pytest.raises(DataError, match="commands are not run"):
        checkpoint_paths("pipe:echo x")
    with pytest.raises(DataError, match="commands are not run"), fetch("pipe:echo x"):
        pass

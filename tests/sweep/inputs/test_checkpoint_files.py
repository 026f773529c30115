import json
import tempfile
from pathlib import Path

import pytest

from levit_edge import demo
from levit_edge.errors import CheckpointError, DataError
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.sweep.inputs.checkpoint_files import checkpoint_paths, fetch
from tests.sweep.places import Put, put_in_memory


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps in pytest's other processes fetch checkpoints too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


def copies() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("levit-edge-checkpoint-*"))


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


def test_a_server_that_is_not_reached_is_told_from_a_checkpoint_that_is_not_there() -> None:
    with pytest.raises(CheckpointError, match=r"pth: no connection: Connection refused$"):
        checkpoint_paths("http://127.0.0.1:1/x.pth")


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


SHARDS = {"model-1.safetensors": b"one", "model-2.safetensors": b"two"}
INDEX = json.dumps({"weight_map": dict(zip("abc", [*SHARDS, "model-1.safetensors"], strict=True))}).encode()
NAME = "model.safetensors.index.json"
SHARDED = {"m/config.json": b"{}", f"m/{NAME}": INDEX, **{f"m/{name}": content for name, content in SHARDS.items()}}


def changed(folder: str, path: str, content: bytes) -> None:
    import fsspec

    system, root = fsspec.core.url_to_fs(folder)
    system.pipe_file(f"{root}/{path}", content)


@pytest.mark.parametrize("path", ["m", f"m/{NAME}"], ids=["folder", "index"])
def test_files_that_an_index_names_are_part_of_its_signature(put: Put, path: str) -> None:
    folder = put(SHARDED | {"m/other.safetensors": b"x"})
    before = checkpoint_paths(f"{folder}/{path}")
    changed(folder, "m/other.safetensors", b"another")
    assert checkpoint_paths(f"{folder}/{path}") == before
    changed(folder, "m/model-2.safetensors", b"another")
    assert checkpoint_paths(f"{folder}/{path}") != before


@pytest.mark.parametrize("path", ["m", f"m/{NAME}"], ids=["folder", "index"])
def test_files_that_an_index_names_are_fetched_with_it(put: Put, path: str) -> None:
    folder = put(SHARDED | {"m/other.safetensors": b"x"})
    with fetch(f"{folder}/{path}") as found:
        place = found if path == "m" else found.parent
        assert {name: (place / name).read_bytes() for name in SHARDS} == SHARDS
        assert (place / NAME).read_bytes() == INDEX
        assert "://" not in folder or folder.startswith("file:") or not (place / "other.safetensors").exists()


def test_whole_weights_are_read_and_not_the_index_beside_them(s3: Put) -> None:
    folder = s3(SHARDED | {"m/model.safetensors": b"whole"})
    with fetch(f"{folder}/m") as found:
        assert sorted(each.name for each in found.iterdir()) == ["config.json", "model.safetensors", NAME]


def test_an_index_never_leads_out_of_its_folder() -> None:
    hostile = json.dumps({"weight_map": {"a": "../secret", "b": "model-1.safetensors"}}).encode()
    folder = put_in_memory(SHARDED | {f"m/{NAME}": hostile, "secret": b"x"})
    (found,) = checkpoint_paths(f"{folder}/m")
    assert "secret" not in str(found.signature)
    before = copies()
    with fetch(f"{folder}/m") as path:
        assert sorted(each.name for each in path.iterdir()) == ["config.json", NAME]
        assert len(copies() - before) == 1


def test_a_network_in_several_files_is_read_wherever_it_is(put: Put, tmp_path: Path) -> None:
    """Of the folder, and without its config.json of the index; a shard that is missing is named."""
    from safetensors.torch import load_file, save_file

    state = load_file(demo.checkpoint_path())
    files: dict[str, bytes] = {}
    places: dict[str, str] = {}
    for number, names in enumerate((sorted(state)[::2], sorted(state)[1::2])):
        save_file({name: state[name] for name in names}, tmp_path / "part")
        files[f"part-{number}.safetensors"] = (tmp_path / "part").read_bytes()
        places |= dict.fromkeys(names, f"part-{number}.safetensors")
    files[NAME] = json.dumps({"weight_map": places}).encode()
    folder = put(files)
    with fetch(f"{folder}/{NAME}") as path:
        assert read_checkpoint(path).config.name == "demo"
    del files["part-1.safetensors"]
    with (
        fetch(f"{put_in_memory(files)}/{NAME}") as path,
        pytest.raises(CheckpointError, match=r"part-1\.safetensors: It does not exist"),
    ):
        read_checkpoint(path)

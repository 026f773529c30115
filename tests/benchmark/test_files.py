import functools
import json
import operator
import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.benchmark.files import BROWSER_VERIFICATION, load_measurements, save, shareable
from levit_edge.benchmark.measurement import Measurement
from levit_edge.cli.show.board import print_boards
from levit_edge.documents import to_json
from levit_edge.errors import MeasurementError, OutputError
from tests.board.example import MEASUREMENT, PI_5, RESULTS, measured
from tests.conftest import REPOSITORY, dead_process


def written(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "board.json"
    path.write_text(json.dumps(to_json(MEASUREMENT) | changes))
    return path


def test_what_is_saved_can_be_loaded(tmp_path: Path) -> None:
    path = save(MEASUREMENT, tmp_path / "results" / "boards")
    assert load_measurements([path]) == [shareable(MEASUREMENT)]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_name_says_what_it_is(tmp_path: Path) -> None:
    first, second, third = (
        save(measured(**changes), tmp_path)
        for changes in ({}, {"rounds": 6}, {"device": replace(PI_5, model="unknown"), "created_utc": "2026-10-21"})
    )
    assert first.name.startswith("raspberry-pi-5-model-b-rev-1-0_levit-128s_2026-10-20_")
    assert third.name.startswith("cortex-a76_levit-128s_2026-10-21_")
    assert first != second
    assert len(load_measurements([tmp_path])) == 3


@pytest.mark.parametrize("model", ["../../etc/passwd", "a\u00e9/\\b", "\u0394" * 300, "."])
def test_no_board_chooses_the_path(tmp_path: Path, model: str) -> None:
    path = save(measured(device=replace(PI_5, model=model)), tmp_path)
    assert path.parent == tmp_path
    assert path.name.isascii()
    assert len(path.name) < 140


def test_what_killed_runs_have_half_written_is_removed(tmp_path: Path) -> None:
    for process in (dead_process(), os.getpid()):
        (tmp_path / f".a_b_2026_01234567.json.partial-{process}").touch()
    path = save(MEASUREMENT, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {
        path.name,
        f".a_b_2026_01234567.json.partial-{os.getpid()}",
    }


def test_the_same_is_written_once(tmp_path: Path) -> None:
    path = save(MEASUREMENT, tmp_path)
    before = path.stat().st_mtime_ns
    assert save(MEASUREMENT, tmp_path) == path
    assert path.stat().st_mtime_ns == before


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    path = save(MEASUREMENT, tmp_path)
    path.write_text("notes")
    with pytest.raises(OutputError, match="is there and is not this measurement: nothing was written"):
        save(MEASUREMENT, tmp_path)
    assert path.read_text() == "notes"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(OutputError):
        save(MEASUREMENT, tmp_path)
    assert not (tmp_path / "elsewhere.json").exists()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        save(MEASUREMENT, tmp_path / "file")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        save(MEASUREMENT, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "shared"),
    [
        ("local", "local"),
        ("ssh://pi@kitchen.local:2222", "ssh"),
        ("adb:R5CT1234", "adb"),
        ("adb", "adb"),
        ("qemu:cortex-a76", "qemu:cortex-a76"),
        ("qemu:/home/someone/rootfs", "qemu"),
        ("kitchen", "other"),
    ],
)
def test_a_shared_target_is_its_kind(target: str, shared: str) -> None:
    assert shareable(measured(target=target)).target == shared


@pytest.mark.parametrize(
    ("bundle", "shared"),
    [("/home/someone/my-levit", "my-levit"), ("my-levit/", "my-levit"), (r"C:\someone\b", "b"), ("/", "bundle")],
)
def test_a_shared_bundle_is_the_folders_name(bundle: str, shared: str) -> None:
    assert shareable(measured(bundle=bundle)).bundle == shared


def test_shared_errors_name_nobody(tmp_path: Path) -> None:
    error = "/home/someone/.cache/agent.py: no space on pi@kitchen.local,\n see ~/notes/a.txt or 'C:\\Users\\me\\b.txt'"
    failed = replace(RESULTS[0], latency_ms=None, error=error)
    shared = shareable(measured(results=(failed,)))
    assert shared.results[0].error == "…/agent.py: no space on …, see …/a.txt or '…/b.txt'"
    assert "someone" not in save(measured(results=(failed,)), tmp_path).read_text()
    assert shareable(shared) == shared


def test_a_measurement_that_cannot_be_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"rounds is 0, expected at least 1\. Measure again\.$"):
        save(measured(rounds=0), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "is of schema version 2, expected 1"),
        ({"schema_version": None}, "is of schema version None"),
        ({"schema_version": "\x1b[2J\n"}, r"is of schema version '\\x1b\[2J\\n', expected 1"),
        ({"schema_version": {"a": "\x1b[2J"}}, r"is of schema version {'a': '\\x1b\[2J'}, expected 1"),
        ({"left_out": {"\x1b[2J": 1}}, r"left_out\['\\x1b\[2J'\] is 1, expected str"),
        ({"surprise": 1}, "unknown keys"),
        ({"rounds": "5"}, "rounds is '5', expected int"),
        ({"rounds": 0}, r"is not valid: rounds is 0, expected at least 1\. Measure again\.$"),
        ({"created_utc": "\x1b[2J"}, r"created_utc holds control characters\. Measure again\.$"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(MeasurementError, match=message) as error:
        load_measurements([path])
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "content", ["", "[]", "7", "{", '{"schema_version": 1}', '{"a": NaN}', "\udcff", "[" * 100_000]
)
def test_damaged_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "board.json"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(MeasurementError, match=r"board\.json"):
        load_measurements([path])


def test_an_infinite_time_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace('"p99": 24.0', '"p99": 1e999'))
    with pytest.raises(MeasurementError, match="p99 is inf"):
        load_measurements([path])


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"nowhere\.json does not exist"):
        load_measurements([tmp_path / "nowhere.json"])
    with pytest.raises(MeasurementError, match=r"has no \.json files"):
        load_measurements([tmp_path])


def test_a_bundle_is_not_a_measurement(tiny_bundle: Path) -> None:
    with pytest.raises(MeasurementError, match="is a bundle, expected measurements of boards"):
        load_measurements([tiny_bundle])


def test_files_and_folders_can_be_mixed(tmp_path: Path) -> None:
    files = [save(measured(rounds=rounds), tmp_path / name) for rounds, name in ((1, "a"), (2, "b"), (3, "b"))]
    loaded: list[Measurement] = load_measurements([files[0], tmp_path / "b"])
    assert sorted(each.rounds for each in loaded) == [1, 2, 3]


def leaves(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a JSON document, containers too."""
    entries = dict(enumerate(document)) if isinstance(document, list) else document
    inner = entries.items() if isinstance(entries, dict) else ()
    return [at, *(path for key, item in inner for path in leaves(item, (*at, key)))]


DOCUMENT = to_json(MEASUREMENT)
numbers = st.integers() | st.floats(allow_nan=False) | st.sampled_from([10**400, -1, 0])
anything = st.none() | st.booleans() | numbers | st.text() | st.lists(st.text(), max_size=2) | st.just({"a": 1})


@settings(max_examples=150)
@given(st.sampled_from(leaves(DOCUMENT)[1:]), anything)
def test_whatever_a_file_says_it_is_refused_or_can_be_shown(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], value: Any
) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    functools.reduce(operator.getitem, place[:-1], document)[place[-1]] = value
    path = tmp_path_factory.mktemp("fuzz") / "board.json"
    path.write_text(json.dumps(document).replace("Infinity", "1e999"))
    try:
        loaded = load_measurements([path])
    except MeasurementError:
        return
    lines = Console(width=80, file=StringIO())
    rows = comparison_rows(loaded)
    print_boards(rows, lines)
    assert isinstance(lines.file, StringIO)
    assert "\x1b" not in lines.file.getvalue()


def test_the_accuracy_that_a_page_saved_is_told_as_such(tmp_path: Path) -> None:
    page = (REPOSITORY / "web_demo/page/verify.js").read_text("utf-8")
    assert f'kind: "{BROWSER_VERIFICATION}"' in page
    (tmp_path / "verification.json").write_text(json.dumps({"schema_version": 1, "kind": BROWSER_VERIFICATION}))
    with pytest.raises(MeasurementError, match=r"json is a verification in a browser, .* put it elsewhere"):
        load_measurements([tmp_path])

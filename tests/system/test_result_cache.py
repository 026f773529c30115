"""What is kept of a run until it has succeeded: found by its inputs, whole, by one process, and not for ever."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from levit_edge.system.result_cache import KEPT_DAYS, ResultCache

INPUTS = {"checkpoint": "1", "recipe": "2"}


def stored(folder: Path, content: bytes = b"a result") -> Path:
    """The file of a result that is kept."""
    with ResultCache(INPUTS, folder) as results:
        results.write("part", content)
    return results.path / "part"


def recalled(folder: Path, inputs: dict[str, str] = INPUTS) -> bytes | None:
    with ResultCache(inputs, folder) as results:
        part = results.read("part")
    return None if part is None else part.content


def test_a_result_is_found_by_the_same_inputs_only(tmp_path: Path) -> None:
    assert recalled(tmp_path) is None
    stored(tmp_path)
    assert recalled(tmp_path, dict(reversed(INPUTS.items()))) == b"a result"
    for other in ({**INPUTS, "recipe": "3"}, {"checkpoint": "1"}, {"checkpoint": "2", "recipe": "1"}):
        assert recalled(tmp_path, other) is None


def test_success_removes_it(tmp_path: Path) -> None:
    stored(tmp_path)
    with ResultCache(INPUTS, tmp_path) as results:
        results.done()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_kept_nothing_leaves_nothing(tmp_path: Path) -> None:
    assert recalled(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_damage_anywhere_is_seen(tmp_path: Path) -> None:
    path = stored(tmp_path)
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert recalled(tmp_path) is None
        path.write_bytes(whole[:position])
        assert recalled(tmp_path) is None
    path.write_bytes(whole)
    assert recalled(tmp_path) == b"a result"


HOLD = """
import sys
from pathlib import Path
from levit_edge.system.result_cache import ResultCache
with ResultCache({"checkpoint": "1", "recipe": "2"}, Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time_has_it_until_it_ends_even_killed(tmp_path: Path) -> None:
    stored(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            recalled(tmp_path)
        assert recalled(tmp_path, {"checkpoint": "2"}) is None
        first.kill()
    assert recalled(tmp_path) == b"a result"


def test_what_nobody_has_come_back_for_is_removed_unless_somebody_has_it(tmp_path: Path) -> None:
    old, long_ago = stored(tmp_path), time.time() - (KEPT_DAYS + 1) * 24 * 3600
    with ResultCache({"recent": ""}, tmp_path) as recent:
        recent.write("part", b"")
    for path in (old, old.parent):
        os.utime(path, (long_ago, long_ago))
    with ResultCache(INPUTS, tmp_path), ResultCache({"another": "run"}, tmp_path):
        assert old.exists()
    os.utime(old.parent, (long_ago, long_ago))
    with ResultCache({"another": "run"}, tmp_path):
        assert not old.parent.exists()
        assert recent.path.exists()


def test_a_folder_that_others_may_write_into_is_not_trusted(tmp_path: Path) -> None:
    stored(tmp_path).parent.chmod(0o777)
    with pytest.raises(PermissionError, match="other users may write into it"):
        recalled(tmp_path)

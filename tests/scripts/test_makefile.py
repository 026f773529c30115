"""How many processes run the tests."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make")


def processes(target: str, *choices: str, **environment: str) -> int:
    """What make would run."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "MAKE", "WORKERS"))}
    command = ["make", "--dry-run", "--directory", str(REPOSITORY), target, *choices]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=kept | environment).stdout
    return int(made.partition("--numprocesses ")[2].split()[0])


@pytest.mark.parametrize(
    ("gigabytes", "cores", "expected"), [(40, 8, 9), (36, 8, 9), (35, 8, 8), (9, 8, 2), (3, 8, 1), (3, 1, 1)]
)
def test_as_many_as_there_is_memory_for(tmp_path: Path, gigabytes: int, cores: int, expected: int) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal:       999999999 kB\nMemAvailable:   {gigabytes << 20} kB\nSwapFree: 1 kB\n")
    assert processes("check", f"CORES={cores}", f"MEMINFO={meminfo}") == expected


def test_where_the_system_does_not_tell_one_more_than_cores(tmp_path: Path) -> None:
    assert processes("check", "CORES=8", f"MEMINFO={tmp_path / 'none'}") == 9


def test_a_number_that_is_given_holds() -> None:
    assert processes("check", "WORKERS=2", "CORES=8") == 2


def test_threads_of_openmp_are_no_cores() -> None:
    assert processes("check-fast", OMP_NUM_THREADS="1000", OMP_THREAD_LIMIT="1000") == processes("check-fast") < 1000

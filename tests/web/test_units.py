"""The JavaScript of the web demo, by node's own test runner, against what levit-edge and Pillow compute."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.release
DEMO = REPOSITORY / "web_demo"
LEAST_TESTS = 41
"""That so many ran shows that they were found, and the golden vectors too."""
MOST_LINES = 1490
"""Of code in the page's modules and style together: neither blank lines nor comments."""
NO_CODE = re.compile(r"\s*(?:/\*.*|//.*)?|\s+\*.*")


@pytest.mark.usefixtures("node")
def test_the_sources_pass_their_tests(tmp_path: Path) -> None:
    subprocess.run([sys.executable, REPOSITORY / "scripts/golden_vectors.py", tmp_path], check=True)
    tests = sorted(DEMO.glob("tests/*.test.js"))
    environment = os.environ | {"LEVIT_EDGE_VECTORS": str(tmp_path)}
    command = ["node", "--test", "--test-reporter=tap", *map(str, tests)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-5000:]
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= LEAST_TESTS
    print(f"node: {passed[1]} passed")


def test_the_sources_are_short() -> None:
    files = [path for pattern in ("*.js", "*.css") for path in (DEMO / "page").glob(pattern)]
    assert files
    lines = {
        path.name: sum(NO_CODE.fullmatch(line) is None for line in path.read_text().splitlines()) for path in files
    }
    assert sum(lines.values()) <= MOST_LINES, lines

"""The Android demo with a package in, built and tested by scripts/android/check.sh. That needs Debian, root and, the
first time, the network; without those, tests skip and say why, and fail where CI is set.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY, unavailable
from tests.integration.conftest import levit_edge

Check = Callable[[Path, Path], subprocess.CompletedProcess[str]]
SCRIPTS = REPOSITORY / "scripts" / "android"


@pytest.fixture(scope="session")
def app(demo_bundle: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the app with the demo's package in. Many tests share it: change copies of it only."""
    copy = tmp_path_factory.mktemp("android") / "app"
    shutil.copytree(REPOSITORY / "android_demo", copy, ignore=shutil.ignore_patterns("assets", "build", ".gradle"))
    packed = levit_edge("package", demo_bundle[0], "--for", "android", "--into", copy)
    assert packed.returncode == 0, packed.stderr
    return copy


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Java has to compute, by levit-edge and Pillow."""
    folder = tmp_path_factory.mktemp("android") / "vectors"
    subprocess.run([sys.executable, SCRIPTS.parent / "golden_vectors.py", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def check(vectors: Path) -> Check:
    """Run the script for an app, into a folder."""
    if os.getuid() != 0:
        unavailable("the Android demo is checked by programs that root installs")
    release = Path("/etc/os-release")
    if not release.is_file() or "ID=debian" not in release.read_text().splitlines():
        unavailable("the Android demo is checked by Debian's programs")

    def run(app: Path, output: Path) -> subprocess.CompletedProcess[str]:
        command = [SCRIPTS / "check.sh", app, vectors, output]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def checked(app: Path, check: Check, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The APK of the app, and what the script said."""
    output = tmp_path_factory.mktemp("android") / "output"
    done = check(app, output)
    assert done.returncode == 0, done.stdout + done.stderr
    return output / "demo.apk", done.stdout

"""What is released, built once from a copy of the tracked files, and environments that have nothing else."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.lower_bounds import lower_bounds

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
OURS = {"PYTHONPATH", "VIRTUAL_ENV", "LEVIT_EDGE_SHARED"}


def call(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that knows nothing of this checkout."""
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=inherited | environment, capture_output=True, text=True, check=False
    )


def succeed(*command: str | Path, cwd: Path, **environment: str) -> str:
    result = call(*command, cwd=cwd, **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def tracked_files() -> list[str]:
    """Paths of what git knows, or would with `git add`."""
    listed = succeed("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_of_the_tree(target: Path) -> Path:
    for name in tracked_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target / name)
    return target


@dataclass(frozen=True)
class Distributions:
    """Files for the package index."""

    sdist: Path
    wheel: Path
    """Built from the sdist."""


def build(tree: Path, target: Path, *options: str, **environment: str) -> Path:
    """Run the build frontend without isolation: its backend is one of our development tools."""
    succeed(
        sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", target, tree, cwd=tree, **environment
    )
    return target


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    tree = copy_of_the_tree(tmp_path_factory.mktemp("tree"))
    target = build(tree, tmp_path_factory.mktemp("dist"))
    (sdist,), (wheel,) = target.glob("*.tar.gz"), target.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session", params=["lowest", "newest"])
def installed(
    request: pytest.FixtureRequest, distributions: Distributions, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The programs of a new environment with the wheel, without extras: dependencies as old or as new as allowed."""
    folder = tmp_path_factory.mktemp(request.param)
    succeed(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{bound}\n" for bound in lower_bounds()) if request.param == "lowest" else "")
    succeed(
        *(UV, "pip", "install", "--quiet", "--python", folder / "venv/bin/python", "--constraint", constraints),
        distributions.wheel,
        cwd=folder,
    )
    return folder / "venv" / "bin"

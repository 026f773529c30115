"""Print pip constraints that hold every base dependency at its lower bound, as pyproject.toml has it.

python scripts/lower_bounds.py > lowest.txt && pip install --constraint lowest.txt levit-edge
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lower_bounds(project: Path = PROJECT) -> list[str]:
    """Such as `numpy==1.26`, for each of `project.dependencies`."""
    bounds = []
    for text in tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]:
        requirement = Requirement(text)
        lowest = [each.version for each in requirement.specifier if each.operator == ">="]
        if len(lowest) != 1:
            sys.exit(f"{text} has no single lower bound: expected NAME>=VERSION")
        bounds.append(f"{requirement.name}=={lowest[0]}")
    return bounds


if __name__ == "__main__":
    print(*lower_bounds(), sep="\n")

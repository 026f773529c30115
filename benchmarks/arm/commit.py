"""Which code of levit-edge's is measured, for a reader who wants to have it."""

import subprocess
from pathlib import Path

import levit_edge

__all__ = ["commit"]

CODE = Path(levit_edge.__file__).parent


def commit(code: Path = CODE) -> str:
    """The last commit that changed the folder `code`, `+` behind it if files there differ; empty if git has none."""
    last = _git(code, "log", "-1", "--format=%h")
    return last and last + ("+" if _git(code, "status", "--porcelain") else "")


def _git(code: Path, *command: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(code), *command, "--", "."], capture_output=True, text=True, check=False
        )
    except OSError:  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

"""This machine and this levit-edge: what figures come from, and where what is kept lies."""

import hashlib
import os
import platform
import re
from pathlib import Path

import levit_edge
from levit_edge.device.engines import installed_version
from levit_edge.device.small_files import read_text, usable_cores

__all__ = ["CACHE_VARIABLE", "cache_folder", "describe_host", "package_versions", "source_digest"]

CACHE_VARIABLE = "LEVIT_EDGE_CACHE"
"""The environment variable that moves the cache."""


def describe_host() -> dict[str, str]:
    """Processor, architecture, usable cores, system and Python."""
    return {
        "processor": _processor() or platform.processor() or "unknown",
        "architecture": platform.machine(),
        "cores": str(usable_cores()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def package_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Package -> installed version; packages that are not installed are left out."""
    return {package: found for package in packages if (found := installed_version(package))}


def cache_folder() -> Path:
    """Where weights and unfinished work are kept: LEVIT_EDGE_CACHE, else the platform's cache folder for us."""
    from platformdirs import user_cache_dir  # in here: `--help` needs none

    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("levit-edge"))


def source_digest() -> str:
    """SHA-256, in hex, of levit-edge's own Python files."""
    sources = sorted(Path(levit_edge.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sources)).hexdigest()


def _processor() -> str | None:
    """The model name in /proc/cpuinfo, where Linux says it."""
    found = re.search(r"^(?:model name|Model)[ \t]*:(.*)", read_text("/proc/cpuinfo") or "", re.MULTILINE)
    return None if found is None else found[1].strip()

"""The machine that figures come from, in words."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["TOOLS", "describe_host", "package_versions"]

TOOLS = ("torch", "torchao", "executorch", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")
"""The packages that decide what a bundle holds."""


def describe_host() -> dict[str, str]:
    """Processor, architecture, usable cores, system and Python."""
    return {
        "processor": _processor() or platform.processor() or "unknown",
        "architecture": platform.machine(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def package_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Package -> installed version; packages that are not installed are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str | None:
    """The model name in /proc/cpuinfo, where Linux says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"}:
            return value.strip()
    return None

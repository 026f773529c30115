"""What results depend on besides their inputs: the software, and the arithmetic of the processor."""

import hashlib
import os
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from levit_edge.bundle.kinds import TOOLS
from levit_edge.system.host import describe_host, package_versions, source_digest

__all__ = ["PROCESSOR", "computed_on", "describe_difference", "environment"]

PROCESSOR = "processor"
"""The one entry that may differ within a cluster, if the user allows it."""
_FLAGS = re.compile(r"^(?:flags|Features)\s*:\s*(.*)$", re.MULTILINE)


def environment() -> dict[str, str]:
    """The environment of this process; two that are equal give the same results, to the last bit."""
    return {
        **package_versions(("levit-edge", *TOOLS, "safetensors")),
        "levit-edge's source": source_digest()[:16],
        "python": platform.python_version(),
        PROCESSOR: _processor(),
    }


def computed_on(here: Mapping[str, str], processors: Iterable[str]) -> dict[str, str]:
    """What results are kept by: the software here, and the processors of whoever computes them."""
    return {**here, PROCESSOR: "; ".join(sorted(processors))}


def describe_difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """What differs besides processors, such as `torch 2.12.0 (here 2.13.0)`; empty if nothing does."""
    names = [name for name in {**expected, **found} if name != PROCESSOR and expected.get(name) != found.get(name)]
    return ", ".join(f"{name} {found.get(name, 'is missing')} (here {expected.get(name, 'none')})" for name in names)


def _processor() -> str:
    """Model, and a digest of what it can do: runtimes choose their kernels by that, and kernels round differently."""
    host = describe_host()
    try:
        flags = _FLAGS.search(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        flags = None
    features = " ".join(sorted(flags[1].split())) if flags else ""
    limit = os.environ.get("ATEN_CPU_CAPABILITY", "")
    digest = hashlib.sha256(f"{features};{limit}".encode()).hexdigest()[:8]
    return f"{host['processor']}, {host['architecture']}, features {digest}"

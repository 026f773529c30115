"""What a healthy board and a healthy phone answer; every figure is made up."""

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np

from levit_edge.benchmark.measurement import Measurement, Sustained, SustainedPoint
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.reader import Bundle
from levit_edge.device.protocol import GREETING
from tests.board.example import MEASUREMENT

__all__ = ["APP_FAILURE", "APP_RESULT", "NONCE", "bench_stream", "evaluation_stream", "hello", "measured"]

NONCE = "0123456789abcdef" * 2
APP_RESULT: dict[str, Any] = {
    "schema_version": 1,
    "nonce": NONCE,
    "model_sha256": "ab" * 32,
    "runs": 100,
    "warmup": 20,
    "threads": 4,
    "load_ms": 12.5,
    "first_ms": 8,
    "latency_ms": {"p50": 4.5, "p90": 5.0, "p99": 6.0, "min": 4.25},
    "delegates": ["XnnpackBackend"],
    "thermal_status": {"before": 0, "after": None},
    "device": {
        "manufacturer": "Google",
        "model": "Pixel 7",
        "soc": "Tensor G2",
        "android_release": "14",
        "sdk": 34,
        "abi": "arm64-v8a",
    },
    "executorch_version": "1.4.1",
    "self_test": {"passed": True, "max_abs_difference": 1e-5},
}
APP_FAILURE = {"schema_version": 1, "nonce": NONCE, "error": "no model"}
STATE = {
    "governors": {"0": "ondemand"},
    "khz": {"0": 2400000},
    "temperatures_mc": {"cpu-thermal": 55000},
    "throttled": "0x0",
    "load": 0.1,
    "available_kb": 7 << 20,
}


def hello() -> dict[str, Any]:
    """The agent's first answer."""
    return {
        "facts": {
            "machine": "aarch64",
            "cpuinfo": "processor\t: 0\nFeatures\t: asimd fphp asimdhp asimddp\n"
            "CPU implementer\t: 0x41\nCPU part\t: 0xd0b\n",
            "cpus": [{"cpu": 0, "max_khz": 2400000, "midr": "0x00000000414fd0b1"}],
            "model": "Raspberry Pi 5",
            "os": "Debian GNU/Linux 12",
            "kernel": "6.6.31",
            "python": "3.11.2",
            "memory_kb": 8 << 20,
            "usable_cores": 4,
            "emulator": None,
        },
        "packages": {
            "numpy": "2.3.0",
            "onnxruntime": "1.31.0",
            "executorch-numpy-runtime": "1.4.1",
            "executorch": None,
        },
        "python": [3, 11, 2],
        "executable": "/usr/bin/python3",
        "abi": {"machine": "aarch64", "libc": ["glibc", "2.36"]},
        "folder": "/tmp/levit-edge-agent-1",  # noqa: S108 - on a board that is none
        "free_bytes": 1 << 30,
        "private_environment": "/home/pi/.local/share/levit-edge/board",
        "state": STATE,
    }


def bench_stream(bundle: Bundle) -> bytes:
    """All that the agent says while it measures a bundle's files with one thread, four runs."""
    files = [each.file for each in bundle.manifest.artifacts]
    entries = [
        {
            "file": file,
            "threads": 1,
            "rounds": [[(1.0 if "int8" in file else 2.5) + turn / 10] for turn in range(4)],
            "error": None,
            "package": "onnxruntime 1.31.0",
            "imported_bytes": 50_000_000,
            "peak_bytes": 90_000_000,
            "load_ms": 12.5,
            "first_ms": 5.0,
            "golden": {"images": 8, "same_top1": 8, "signal": 100.0, "noise": 0.001, "std": 1.0},
        }
        for file in files
    ]
    point = {"seconds": 1.0, "p50_ms": 2.0, "state": STATE}
    sustained = {"file": files[0], "threads": 1, "points": [point] * 6}
    result = {"before": STATE, "after": STATE, "entries": entries, "sustained": sustained}
    progress = {"progress": "time", "threads": 1, "done": 1, "total": 4}
    return _stream([hello(), *[{}] * (len(files) + 1), progress, {"alive": True}, result])


def evaluation_stream(bundle: Bundle, images: int) -> bytes:
    """All that the agent says while it evaluates photographs."""
    files, classes = bundle.manifest.artifacts, bundle.manifest.config.classes
    logits = np.random.default_rng(0).normal(size=(len(files), images, classes)).astype("<f4")
    halves = [each for each in files if each.precision is Precision.INT8_FLOAT16]  # opened after the others, one by one
    together = [each for each in files if each not in halves]
    calls = [together, *([each] for each in halves)]
    opened = [{"packages": [f"{each.runtime} 1.0" for each in call]} for call in calls]
    seconds = {"seconds": [[0.1] * images for _ in files]}
    return _stream([hello(), *[{}] * len(files), *opened, seconds, logits.tobytes(), {"done": True}])


def _stream(frames: list[dict[str, Any] | bytes]) -> bytes:
    payloads = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in frames]
    return GREETING + b"".join(struct.pack("<Q", len(each)) + each for each in payloads)


def measured() -> list[Measurement]:
    """A measurement with all its parts."""
    point = SustainedPoint(seconds=1.0, p50_ms=8.0, mhz=(2400.0,), hottest=60.0)
    sustained = Sustained(artifact="int8.onnx", threads=1, points=(point, point), slowdown=1.0)
    return [replace(MEASUREMENT, findings=("a finding",), sustained=sustained)]

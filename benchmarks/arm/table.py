"""What was found, as docs/performance.md has it: `python -m benchmarks.arm.table FILE`, of `--output FILE`."""

import sys
from pathlib import Path

from benchmarks.arm.results import (
    LEAST_ELSEWHERE,
    MEGABYTE,
    Accuracy,
    ArmComparison,
    Counted,
    Row,
    Timed,
    by_count,
    processors,
)
from benchmarks.results import number
from benchmarks.speed.contender import Engine
from levit_edge.documents import from_json, read_json
from levit_edge.errors import DataError

__all__ = ["main", "markdown"]

ENGINES = {
    Engine.EXECUTORCH: "ExecuTorch",
    Engine.ONNXRUNTIME: "ONNX Runtime",
    Engine.OPENVINO: "OpenVINO",
    Engine.LITERT: "LiteRT",
    Engine.NCNN: "ncnn",
    Engine.MNN: "MNN",
}
OWN_ENGINES = {Engine.EXECUTORCH, Engine.ONNXRUNTIME}
TIME = "x86-64"
ACCURACY = ("SQNR, dB", "agreement, %", "MB")


def main() -> None:
    """Print it."""
    path = Path(sys.argv[1])
    print(markdown(from_json(ArmComparison, read_json(path, DataError, str(path)), DataError, str(path))))


def markdown(comparison: ArmComparison) -> str:
    """Under which circumstances, the table with fewest instructions on the first processor on top, and what failed.

    Without times it has no column for them.
    """
    failures: dict[str, str] = {}
    cpus = processors(comparison.rows)
    times = [TIME] if any(row.timed for row in comparison.rows) else []
    headings = ["file", *(_title(cpu) for cpu in cpus), *times, *ACCURACY]
    lines = [_circumstances(comparison), "", _line(headings), "|---" * len(headings) + "|"]
    lines += [_line(_cells(row, cpus, failures, timed=bool(times))) for row in by_count(comparison.rows)]
    if failures:
        lines.append("")
    lines += [f"* ({letter}) {reason}" for reason, letter in failures.items()]
    return "\n".join(lines)


def _circumstances(comparison: ArmComparison) -> str:
    packages = comparison.versions | comparison.board_packages
    listed = ", ".join(f"{name} {version}" for name, version in packages.items())
    return (
        f"{comparison.created_utc[:10]}, levit-edge's code of commit {comparison.commit or 'unknown'};"
        f" {comparison.model}, {comparison.calibration_images} calibration images;"
        f" a count is the mean of {comparison.runs} inferences; {comparison.host['processor']},"
        f" {comparison.host['cores']} cores; {listed}."
    )


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _title(cpu: str) -> str:
    """`cortex-a76` as `Cortex-A76`."""
    return "-".join(part.capitalize() for part in cpu.split("-"))


def _cells(row: Row, cpus: list[str], failures: dict[str, str], *, timed: bool) -> list[str]:
    """One row; what failed gets a letter in `failures`, the same one for the same reason."""

    def cell(value: float | None, digits: int, reason: str = "") -> str:
        if value is None and reason:
            return f"– ({failures.setdefault(reason, chr(ord('a') + len(failures)))})"
        return number(value, digits)

    made, time, seen = row.made, row.timed or Timed(), row.accuracy or Accuracy(images=0, where="")
    counts = [row.counts.get(cpu, Counted()) for cpu in cpus]
    return [
        _label(row),
        *(cell(each.main, 1, made.reason or each.reason) + _elsewhere(each) for each in counts),
        *([cell(time.ratio, 2, made.reason or time.reason)] if timed else []),
        cell(seen.sqnr_db, 1, made.reason or seen.reason),
        cell(seen.agreement, 1),
        cell(None if made.size_bytes is None else made.size_bytes / MEGABYTE, 1),
    ]


def _elsewhere(counted: Counted) -> str:
    """What other threads executed besides, where it counts."""
    much = counted.main and (counted.elsewhere or 0) > LEAST_ELSEWHERE * counted.main
    return f" + {counted.elsewhere:.1f}" if much else ""


def _label(row: Row) -> str:
    """levit-edge's files by their names, a peer's by its engine; `*` behind those that compute in float16."""
    source, _, what = row.name.partition(" ")
    star = " *" if row.float16 else ""
    if source != "ours":
        return f"{ENGINES[row.runtime]}, {what}{star}"
    if row.runtime not in OWN_ENGINES:
        return f"{ENGINES[row.runtime]}, {what}, from our `fp32.onnx`{star}"
    target = ", `--target arm64`" if what.endswith("arm64") else ""
    return f"**levit-edge `{Path(row.made.file).name or row.name}`{target}**{star}"


if __name__ == "__main__":
    main()

"""What was found, as docs/accuracy.md and the README have it: `python -m benchmarks.accuracy_table [--write]`.

The files are docs/accuracy-*.json, which `python -m benchmarks.accuracy --output` writes, one for each checkpoint. On a
page a table stands between `<!-- accuracy: NAME -->` and `<!-- end -->`; with --write it is put there.
"""

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.results import Comparison, Row, number
from benchmarks.speed.contender import Engine
from levit_edge.documents import from_json, read_json
from levit_edge.errors import DataError
from levit_edge.model.config import CONFIGS

__all__ = ["LABELS", "figures", "main", "markdown", "ours", "overview", "tables", "with_tables"]

CLONE = Path(__file__).parents[1]
PAGES = ("README.md", "docs/accuracy.md")
BLOCK = re.compile(r"(<!-- accuracy: (\S+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)

RUNTIMES = {Engine.EXECUTORCH: "ExecuTorch", Engine.ONNXRUNTIME: "ONNX Runtime", Engine.LITERT: "LiteRT"}
UNCALIBRATED = "no `--calibration`"
LABELS = {
    "ours int8.pte": "`int8.pte`",
    "ours int8-f16.pte": "`int8-f16.pte`",
    "ours int8.pte, uncalibrated": f"`int8.pte`, {UNCALIBRATED}",
    "ours int8-f16.pte, uncalibrated": f"`int8-f16.pte`, {UNCALIBRATED}",
    "ours int8.onnx": "`int8.onnx`",
    "ours int8.onnx, arm64": "`int8.onnx`, `--target arm64`",
    "ours int8.onnx, uncalibrated": f"`int8.onnx`, {UNCALIBRATED}",
    "torchao": "torchao `prepare_pt2e` + `XNNPACKQuantizer`",
    "nncf": "`nncf.quantize_pt2e` + `XNNPACKQuantizer`",
    "nncf true min-max": "the same, ranges the minimum and maximum of all images",
    "ort min-max": "`quantize_static`, min-max",
    "ort min-max, u8s8": "`quantize_static`, min-max, unsigned activations",
    "ort min-max, linear": "`quantize_static`, min-max, Conv and Gemm only",
    "ort entropy": "`quantize_static`, entropy",
    "ort percentile": "`quantize_static`, percentile",
    "ort percentile, linear": "`quantize_static`, percentile, Conv and Gemm only",
    "litert static, per channel": "ai-edge-quantizer `static_wi8_ai8`, per channel",
    "litert static, per tensor": "ai-edge-quantizer `static_wi8_ai8`, per tensor",
    "litert dynamic, per channel": "ai-edge-quantizer `dynamic_wi8_afp32`, per channel",
    "litert dynamic, per tensor": "ai-edge-quantizer `dynamic_wi8_afp32`, per tensor",
}
OVERVIEW = {"ours int8.pte": "`.pte`", "ours int8.onnx": "`.onnx`"}
"""The files that the README shows."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all tables, or put them into the pages."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy_table", description=(__doc__ or "").split(":")[0]
    )
    parser.add_argument("--write", action="store_true", help=f"into {' and '.join(PAGES)}, in place")
    found = tables(figures())
    if not parser.parse_args(arguments).write:
        print("\n\n".join(found.values()))
        return
    for page in (CLONE / each for each in PAGES):
        page.write_text(with_tables(page.read_text("utf-8"), found), encoding="utf-8")


def figures(folder: Path = CLONE / "docs") -> list[Comparison]:
    """Of every checkpoint, the smallest network first.

    Raises:
        DataError: a file is something else.
    """
    paths = folder.glob("accuracy-*.json")
    found = [from_json(Comparison, read_json(each, DataError, str(each)), DataError, str(each)) for each in paths]
    return sorted(found, key=lambda each: list(CONFIGS).index(each.model.removeprefix("LeViT-")))


def tables(found: Sequence[Comparison]) -> dict[str, str]:
    """By the names that the pages give them; none without figures, so that pages keep what they have."""
    if not found:
        return {}
    return {"overview": overview(found), "ours": ours(found)} | {each.model: markdown(each) for each in found}


def with_tables(page: str, found: Mapping[str, str]) -> str:
    """The page with those tables that are in `found`."""

    def put(block: re.Match[str]) -> str:
        begin, name, end = block.groups()
        return f"{begin}{found[name]}{end}" if name in found else block[0]

    return BLOCK.sub(put, page)


def overview(found: Iterable[Comparison]) -> str:
    """The README's table: the default files of each checkpoint."""
    headings = ("model", "images", "file", "fp32 top-1", "INT8 top-1", "drop, 95 % interval", "agreement")
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for each in found:
        model, images = f"{each.model} stand-in", f"{each.evaluation.count:,}"
        for row in each.rows:
            if row.name in OVERVIEW and row.measured:
                top1 = f"{number(row.fp32_top1, 2)} % | {number(row.top1, 2)} %"
                file, agreement = OVERVIEW[row.name], number(row.agreement, 2)
                lines.append(f"| {model} | {images} | {file} | {top1} | {_drop(row)} | {agreement} % |")
                model = images = ""
    return "\n".join(lines)


def ours(found: Sequence[Comparison]) -> str:
    """levit-edge's own files, of every checkpoint."""
    lines = ["| model | file | top-1 (fp32) | drop, 95 % interval | agreement | SQNR |", "|---|---|---|---|---|---|"]
    for each in found:
        model = each.model
        for row in each.rows:
            if row.name.startswith("ours ") and row.measured:
                top1, drop = f"{number(row.top1, 2)} % ({number(row.fp32_top1, 2)} %)", f"{_drop(row)}: {_flips(row)}"
                lines.append(f"| {model} | {LABELS[row.name]} | {top1} | {drop} | {_likeness(row)} |")
                model = ""
    return "\n".join(lines)


def markdown(found: Comparison) -> str:
    """Everybody's file of one checkpoint, under which circumstances, and what failed."""
    headings = ("quantizer", "runtime", "top-1", "drop, 95 % interval", "agreement", "SQNR", "bytes", "seconds")
    lines = [_circumstances(found), "", f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    lines += [_line(row) for row in found.rows if row.measured]
    failures = [f"* {LABELS[row.name]}: {row.note}" for row in found.rows if not row.measured]
    return "\n".join(lines + ([""] if failures else []) + failures)


def _circumstances(found: Comparison) -> str:
    """Rows may be of several days and versions; then all are named."""
    taken = [row.taken for row in found.rows]
    days = sorted({each.created_utc[:10] for each in taken})
    versions = dict.fromkeys(f"{name} {version}" for each in taken for name, version in each.versions.items())
    commits = sorted({each.commit for each in taken if each.commit})
    fp32 = dict.fromkeys(f"{row.fp32_top1:.2f} %" for row in found.rows if row.fp32_top1 is not None)
    return (
        f"{found.model}, fp32 top-1 {' or '.join(fp32)} on {found.evaluation.count:,} images,"
        f" {found.calibration.count} calibration images; {' and '.join(days)}; levit-edge's code of commit"
        f" {' and '.join(commits) or 'unknown'}; {' and '.join(dict.fromkeys(each.processor for each in taken))};"
        f" {', '.join(versions)}."
    )


def _line(row: Row) -> str:
    label = f"**levit-edge {LABELS[row.name]}**" if row.name.startswith("ours ") else LABELS[row.name]
    cells = (
        label,
        RUNTIMES[row.runtime],
        f"{number(row.top1, 2)} %",
        _drop(row, unit=""),
        _likeness(row),
        number(row.size_bytes, 0),
        number(row.seconds, 0),
    )
    return f"| {' | '.join(cells)} |"


def _drop(row: Row, unit: str = " pt") -> str:
    if row.drop_pt is None or row.drop_ci95_pt is None:
        return "–"
    low, high = row.drop_ci95_pt
    return f"{row.drop_pt:.2f}{unit} ({low:+.2f} … {high:+.2f})".replace("-", "−")


def _flips(row: Row) -> str:
    return f"{number(row.flips_lost, 0)} lost, {number(row.flips_gained, 0)} gained"


def _likeness(row: Row) -> str:
    return f"{number(row.agreement, 2)} % | {number(row.sqnr_db, 1)} dB"


if __name__ == "__main__":
    main()

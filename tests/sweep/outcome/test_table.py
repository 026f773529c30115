"""The table of a sweep, read back by pyarrow as others would."""

import io
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import Table, csv, parquet

from levit_edge.bundle.manifest import ArtifactResult
from levit_edge.documents import to_json
from levit_edge.sweep.outcome.results import SweepResults
from levit_edge.sweep.outcome.table import COLUMNS, csv_file, parquet_file
from tests.sweep.example import candidate, of_ten_classes, plan, sweep, swept

HOSTILE = ('a "quoted", text', "two\nlines\r\n", "日本\x00\u202e", "", " ", "NULL", "1e5", "true", "'apostrophe")
RESULT = {field.name for field in fields(ArtifactResult)} & COLUMNS.keys() - {
    "artifact",
    "runtime",
    "precision",
    "size_bytes",
}
FORMULAS = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")


def read_parquet(results: SweepResults) -> Table:
    return parquet.read_table(io.BytesIO(parquet_file(results)))


def read_csv(results: SweepResults, schema: Any) -> Table:
    options = csv.ConvertOptions(
        column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parsing = csv.ParseOptions(newlines_in_values=True)
    return csv.read_csv(io.BytesIO(csv_file(results)), parse_options=parsing, convert_options=options)


def expected(results: SweepResults) -> list[dict[str, Any]]:
    """The rows, from results.json alone."""
    rows = []
    for each in to_json(results)["candidates"]:
        own = {key: each[key] for key in ("checkpoint", "recipe", "source", "classes", "within_gates", "winner")}
        own |= {key: each[key] or None for key in ("size", "checkpoint_sha256")}
        own["problems"] = "; ".join(each["problems"]) or None
        found = {result["artifact"]: result for result in (each["verification"] or {"results": []})["results"]}
        for artifact in each["artifacts"] or [None]:
            row = dict.fromkeys(COLUMNS) | own
            if artifact is not None:
                row |= {key: artifact[key] for key in ("runtime", "precision", "size_bytes")}
                row |= {"artifact": artifact["file"], "artifact_sha256": artifact["sha256"]}
                row["on_front"] = artifact["precision"] == "int8" and artifact["runtime"] in each["front"]
                latency, result = each["latency"].get(artifact["file"]), found.get(artifact["file"])
                if latency is not None:
                    row |= {"latency_p50_ms": latency["p50"], "latency_min_ms": latency["min"]}
                among = (each["verification"] or {}).get("among_present")
                row["top1_among_present"] = among and among["top1"].get(artifact["file"])
                if result is not None:
                    row |= {"samples": each["verification"]["samples"]}
                    row |= {"images_sha256": each["verification"]["images"]["sha256"]}
                    low, high = result["drop_ci95_pt"] or (None, None)
                    row |= {"drop_low_pt": low, "drop_high_pt": high} | {key: result[key] for key in RESULT}
            rows.append(row)
    return rows


@pytest.mark.parametrize("timed", [True, False])
def test_both_files_have_what_results_json_has_row_for_row(timed: bool) -> None:
    results = sweep(3, 3, timed=timed)
    table = read_parquet(results)
    assert table.to_pylist() == expected(results)
    assert len(table) == 8 * 4 + 1
    assert read_csv(results, table.schema).equals(table)


def test_top1_among_the_classes_that_the_images_have() -> None:
    results = swept([of_ten_classes(candidate("levit", "static"))], plan())
    table = read_parquet(results)
    assert table.to_pylist() == expected(results)
    assert table.column("top1_among_present").to_pylist() == [98.0, 96.5, None, None]


@given(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_comes_back(text: str) -> None:
    results = swept([candidate("levit", "static", source=text, problems=(text,), drops=(None, None))], plan())
    table = read_parquet(results)
    assert table.to_pylist() == expected(results)
    if not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        back = read_csv(results, table.schema)
        assert back.column("source").to_pylist() == [text] * 4
        assert back.equals(table)


@pytest.mark.parametrize("text", FORMULAS)
def test_spreadsheets_are_given_no_formulas(text: str) -> None:
    results = swept([candidate("levit", "static", source=text)], plan())
    table = read_parquet(results)
    assert table.column("source").to_pylist() == [text] * 4
    assert read_csv(results, table.schema).column("source").to_pylist() == [f"'{text}"] * 4


def test_negative_numbers_stay_numbers() -> None:
    results = swept([candidate("levit", "static", drops=(-0.5, -0.25))], plan())
    table = read_parquet(results)
    assert read_csv(results, table.schema).column("drop_pt").to_pylist() == table.column("drop_pt").to_pylist()
    assert -0.5 in table.column("drop_pt").to_pylist()


def test_names_that_are_not_utf8_do_not_end_a_sweep() -> None:
    results = swept([candidate("levit", "static", source="caf\udce9.pth", problems=("\ud800",))], plan())
    assert read_parquet(results).column("source").to_pylist() == ["caf?.pth"] * 4
    assert b"caf?.pth" in csv_file(results)


def test_every_figure_of_a_result_has_its_column() -> None:
    known = {"artifact", "runtime", "precision", "size_bytes", "drop_ci95_pt", "images_per_second"}
    assert {field.name for field in fields(ArtifactResult)} - known == RESULT

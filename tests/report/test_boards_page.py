import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.benchmark.measurement import EmulatedInference, Measurement
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.report.boards_page import boards_page, boards_plot
from levit_edge.report.figure import INK
from tests.benchmark.profiles import FP32, INT8, PROGRAM
from tests.board.example import COOL, MEASUREMENT, PI_5, RESULTS, measured, times

HOSTILE = measured(
    device=replace(PI_5, model='<script>alert("a")</script> $\\frac$ </text> 板 ' + "x" * 100, emulator=None),
    findings=("<img src=x onerror=alert(1)>",),
    results=(*RESULTS, replace(RESULTS[1], threads=4, latency_ms=None, error="<b>no memory</b>")),
)


def page(*measurements: Measurement) -> str:
    return boards_page(measurements, comparison_rows(measurements))


def test_the_page_has_every_row_and_board() -> None:
    html = page(MEASUREMENT, measured(device=replace(PI_5, model="Radxa ROCK 5B")))
    assert html.count("<tr>") == 1 + 4
    for expected in (PI_5.model, "Radxa ROCK 5B", "4 × Cortex-A76", "20.00", "8.00", "2.40 … 2.60", "55 °C before"):
        assert expected in html
    assert "2 measurements, as those" in html


def test_float16_has_a_column_where_it_was_measured() -> None:
    half = times(Runtime.EXECUTORCH, Precision.INT8_FLOAT16, 5.25)
    html = page(measured(results=(*RESULTS, half)), MEASUREMENT)
    assert "<th>with float16</th>" in html
    assert "5.25" in html
    assert "int8 with float16" in html  # in the figure
    for without in ("<th>with float16</th>", "int8 with float16"):
        assert without not in page(MEASUREMENT)


def test_profiles_are_tables_that_open() -> None:
    html = page(measured(profiles=(FP32, INT8, PROGRAM)))
    assert "<summary>Where the time goes, 1 thread</summary>" in html
    for expected in (
        "stage 1 MLP",
        "<td>4.800</td><td>49</td>",
        "within 1 %",
        "No profile of int8.pte",
    ):
        assert expected in html
    assert "<details>" not in page(MEASUREMENT)


def test_nothing_of_a_measurement_becomes_markup() -> None:
    class Tags(HTMLParser):
        found: set[str]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.add(tag)
            assert not any(name.startswith("on") for name, _ in attrs)

    parser = Tags()
    parser.found = set()
    parser.feed(page(HOSTILE))
    assert {"svg", "table", "text"} <= parser.found
    assert not {"script", "img", "b", "iframe", "link"} & parser.found
    assert "&lt;b&gt;no memory" in page(HOSTILE)


def test_nothing_is_fetched_and_colours_follow_the_page() -> None:
    html = page(MEASUREMENT)
    assert not re.findall(r"(?:src|href)=\"(?!#)", html)
    assert not re.findall(r"url\((?!#)", html)
    assert "color-scheme: light dark" in html
    assert INK not in html
    assert "currentColor" in html


@pytest.mark.parametrize(
    "measurement",
    [
        measured(device=replace(PI_5, emulator="qemu-user")),
        measured(device=replace(PI_5, cores=(), features=()), before=replace(COOL, temperatures={}, governors=())),
        measured(speedups=()),
        measured(results=(replace(RESULTS[0], latency_ms=None, error="no memory"),)),
    ],
    ids=["emulated", "unknown", "no speed-ups", "no times"],
)
def test_whatever_was_measured_has_a_page(measurement: Measurement) -> None:
    assert "</html>" in page(measurement)


def test_what_the_system_does_not_tell_is_left_out() -> None:
    """As a browser, which knows neither memory nor governor."""
    silent = replace(COOL, temperatures={}, governors=())
    model = replace(MEASUREMENT.model, manifest_sha256="")
    html = page(measured(device=replace(PI_5, memory_bytes=0), before=silent, after=silent, model=model))
    for unknown in ("0.0 GiB", "governor", "hottest", "unknown", "<code>…"):
        assert unknown not in html
    assert "8.0 GiB" in page(MEASUREMENT)
    assert "governor ondemand" in page(MEASUREMENT)


def test_an_emulated_board_is_marked_and_has_its_instructions() -> None:
    inferences = (
        EmulatedInference(artifact="int8.onnx", kernel_sites={"sdot": 366}, million_instructions=62.04),
        EmulatedInference(artifact="fp32.onnx"),
    )
    html = page(measured(device=replace(PI_5, emulator="qemu-user"), emulated=inferences))
    assert "int8.onnx, emulated: 62.0 million instructions for an image" in html
    assert "(sdot in 366 places)" in html
    assert "fp32.onnx, emulated: – million" in html
    assert "(emulated: no times)" in html
    assert "20.00" not in html


def test_a_figure_is_the_same_every_time_and_has_no_date() -> None:
    rows = comparison_rows([MEASUREMENT, HOSTILE])
    picture = boards_plot(rows).file("svg")
    assert picture == boards_plot(rows).file("svg")
    assert picture != boards_plot(rows[:2]).file("svg")
    assert b"dc:date" not in picture
    assert b"<script" not in picture
    assert "× 2.50".encode() in picture


def test_a_png_has_room_for_every_row_that_has_times() -> None:
    heights = []
    emulated = measured(device=replace(PI_5, emulator="qemu-user"))
    for measurements in ([MEASUREMENT], [MEASUREMENT, emulated], [MEASUREMENT] * 10):
        with Image.open(BytesIO(boards_plot(comparison_rows(measurements)).file("png"))) as image:
            assert image.format == "PNG"
            heights.append(image.height)
    assert heights[0] == heights[1]
    assert heights[2] - heights[0] >= 18 * 30

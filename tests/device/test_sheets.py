"""Names that would break a table, forge a line, or act on a terminal."""

import csv
import io
from pathlib import Path

import pytest

from levit_edge.device.errors import DataError
from levit_edge.device.places import require_unread
from levit_edge.device.sheets import format_of, sheet_of

NAMES = ["a\nb.jpg", "c\rd.jpg", "e\r\nf.jpg", 'g,"h".jpg', "=i.jpg", "\x1b[2Jj.jpg", "k\u202egpj.jpg", "å\t.jpg", "𝔩"]


def rows_of(name: str) -> list[dict[str, object]]:
    guesses = [{"index": 0, "label": "red", "probability": 0.5}]
    return [{"image": name, "guesses": guesses, "turned": False}, {"image": name, "error": f"{name} is bad"}]


def test_csv_gives_back_every_name_whatever_is_in_it() -> None:
    sheet = sheet_of("csv", {})
    text = sheet.begin() + "".join(sheet.add(row) for name in NAMES for row in rows_of(name))
    assert [row["image"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [n for n in NAMES for _ in (1, 2)]
    assert "\r\n" not in text.replace("e\r\nf", "")


def test_text_has_a_name_on_one_line_and_nothing_that_acts_on_a_terminal() -> None:
    texts = [sheet_of("text", {}).add(rows_of(name)[0]) for name in NAMES]
    assert [text.split("\n")[0] for text in texts] == [
        "a\\nb.jpg", "c\\rd.jpg", "e\\r\\nf.jpg", 'g,"h".jpg', "=i.jpg", "\\x1b[2Jj.jpg", "k\\u202egpj.jpg",
        "å\\t.jpg", "𝔩",
    ]  # fmt: skip
    assert all(text.count("\n") == 2 for text in texts)


@pytest.mark.parametrize(
    ("asked", "output", "expected"),
    [
        (None, None, "text"), (None, "a.CSV", "csv"), (None, "a.ndjson", "jsonl"), ("json", "a.xlsx", "json"),
        (None, "a", "text"), (None, "a.log", "text"),
    ],
)  # fmt: skip
def test_the_form_is_as_asked_or_as_the_file_ends(asked: str | None, output: str | None, expected: str) -> None:
    assert format_of(asked, None if output is None else Path(output)) == expected


@pytest.mark.parametrize(("output", "why"), [("a.xlsx", r"\.xlsx does not say in which form"), ("-", "is no file")])
def test_a_file_that_ends_as_none_that_is_written_is_refused(output: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        format_of(None, Path(output))


def test_nothing_is_written_over_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    require_unread(tmp_path / "c.csv", [tmp_path / "a.jpg"])
    for output in ("a.jpg", "b.jpg"):
        with pytest.raises(DataError, match=r"a\.jpg is read, and --output .* would take its place"):
            require_unread(tmp_path / output, [tmp_path / "no.jpg", tmp_path / "a.jpg"])

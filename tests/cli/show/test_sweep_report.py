"""`levit-edge report` of a sweep, and the pages that it opens."""

import json
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import fsspec
import pytest
from rich.console import Console

from levit_edge.bundle.kinds import GateOn, Runtime
from levit_edge.cli.main import run
from levit_edge.cli.show.sweep import sweep_table
from levit_edge.documents import to_json
from levit_edge.errors import ExitStatus
from levit_edge.sweep.outcome.results import Candidate, SweepResults
from levit_edge.sweep.plan import Gates, Winner
from tests.sweep.example import candidate, of_ten_classes, plan, sweep, swept, with_poor_fp32

Captured = pytest.CaptureFixture[str]
LONG = "levit-128s-distilled-imagenet-1k-epoch-0299-ema-final-seed-7"


def saved(results: SweepResults, folder: Path) -> Path:
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(to_json(results)), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a sweep has left, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return saved(sweep(2, 2), tmp_path / "my-sweep")


def printed(results: SweepResults, columns: int = 80) -> list[str]:
    console = Console(width=columns, file=StringIO())
    sweep_table(results, console)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_has_a_group_for_each_checkpoint() -> None:
    assert printed(sweep(2, 3)) == [
        "recipe    MiB  top-1 %  drop pt  agree %  SQNR dB    ms",
        "levit-00",
        "static   8.58    78.30     0.20    97.50     30.0  8.00  wins",
        "mixed    8.62    78.00     0.50    97.50     30.0  8.70",
        "dynamic  8.66    77.70     0.80    97.50     30.0  9.40",
        "levit-01",
        "static   8.58    78.00     0.50    97.50     30.0  8.00  wins",
        "mixed    8.62    77.70     0.80    97.50     30.0  8.70  misses drop (int8.onnx)",
        "dynamic     –        –        –        –        –     –  failed",
        "levit-01 × dynamic: quantize levit × static on 10.0.0.7 (3 attempts): not enough memory. Its log:"
        " store/logs/q.log",
        "The figures are of the int8 files for executorch.",
    ]


def test_what_was_passed_over_is_told_for_each_source() -> None:
    results = replace(sweep(1, 1), passed_over={"val": {"HEIC": 3, "no image": 1}, "train": {"AVIF": 1}})
    assert printed(results)[-3:-1] == [
        "val: 4 files passed over: 3 HEIC, 1 no image",
        "train: 1 file passed over: 1 AVIF",
    ]


def test_long_names_fit_80_columns_and_stay_apart() -> None:
    recipes = [f"the-same-long-beginning-of-all-recipes-{end}" for end in ("static", "mixed")]
    candidates = [candidate(LONG, name, sizes=(123_456_789, 1), times_ms=(1234.5, 1.0)) for name in recipes]
    of = plan(recipes, gates=Gates(max_drop_pt=0.1, max_int8_bytes=2, max_latency_ms=0.5))
    lines = printed(swept(candidates, of))
    table = lines[: lines.index(f"{LONG}: no winner")]
    assert max(map(len, table)) <= 80, table
    assert LONG in lines
    rows = [line for line in lines if "misses drop" in line]
    assert [row.split()[0][-7:] for row in rows] == ["-static", "s-mixed"]
    assert all(row.endswith("misses drop, size, latency") for row in rows)
    assert any(line.startswith("left out on 80 columns: MiB") for line in lines)


def test_without_latency_there_is_no_column_for_it_and_sizes_make_the_front() -> None:
    lines = printed(sweep(1, 2, timed=False))
    assert lines[0].split() == ["recipe", "MiB", "top-1", "%", "drop", "pt", "agree", "%", "SQNR", "dB"]
    assert lines[2].split()[-1] == "wins"


def test_top1_among_the_classes_of_the_images_has_a_column_where_it_is_known() -> None:
    assert printed(swept([of_ten_classes(candidate("levit", "static")), candidate("other", "mixed")], plan())) == [
        "recipe   MiB  top-1 %  top-1 of 10  drop pt  agree %  SQNR dB    ms",
        "levit",
        "static  8.58    78.10        96.50     0.40    97.50     30.0  8.00  wins",
        "other",
        "mixed   8.58    78.10            –     0.40    97.50     30.0  8.00  wins",
        "The figures are of the int8 files for executorch.",
        "top-1 of 10: among the classes that the images have alone, percent.",
        "10 of 1,000 classes, paired by WordNet ids",
    ]


def test_a_gate_that_few_images_keep_is_said_and_one_of_the_interval_is_missed() -> None:
    close = candidate("levit", "static", drops=(0.9, 0.4))
    by_drop = printed(swept([close], plan()))
    assert by_drop[2].endswith("wins")
    assert "levit: the winner's drop is within the gate, but 5,000 images are too few to" in by_drop
    by_interval = printed(swept([close], plan(gates=Gates(max_drop_pt=1.0, on=GateOn.INTERVAL))))
    assert by_interval[2].endswith("front, misses interval")
    assert by_interval[3] == "levit: no winner"


def test_an_accuracy_that_cannot_be_right_is_a_warning() -> None:
    lines = printed(swept([with_poor_fp32(candidate("levit", "static"))], plan()))
    assert lines[2].endswith("front, misses drop")
    assert lines[3:5] == ["levit: warning: fp32 is no better than chance.", "levit: no winner"]


def test_the_other_runtime_can_be_the_one_that_is_compared() -> None:
    of = plan(gates=Gates(max_drop_pt=0.45), winner=Winner(runtime=Runtime.ONNXRUNTIME))
    lines = printed(swept([candidate("levit", "static"), candidate("levit", "mixed", drops=(0.5, 0.3))], of))
    assert "misses drop" in lines[2]
    assert "(" not in lines[2]
    assert lines[3].endswith("front, misses drop (int8.pte)")
    assert lines[-1] == "The figures are of the int8 files for onnxruntime."


def test_what_many_candidates_have_in_common_is_said_once() -> None:
    failed = [Candidate(checkpoint=f"l{i}", recipe="static", problems=("lost", f"number {i}")) for i in range(30)]
    lines = printed(swept(failed, plan()))
    assert lines.count("l0 × static and 29 more: lost") == 1
    assert "l3 × static: number 3" in lines
    assert "11 more problems are in results.json" in lines


def test_nothing_of_others_reaches_the_terminal_as_a_command() -> None:
    nasty = "\x1b]0;title\x07\x1b[31m[bold]x\u202e\nnext"
    bad = candidate(nasty, nasty, problems=(nasty,), artifacts=())
    text = "\n".join(printed(swept([bad], plan())))
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "[bold]x" in text


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_folder_as_table_and_page(capsys: Captured, folder: Path) -> None:
    assert run(["report", str(folder)]) == ExitStatus.DONE
    out = capsys.readouterr().out
    assert "static  8.58" in out
    assert out.endswith("page: my-sweep-report.html\n")
    assert "2 checkpoints by 2 recipes" in Path("my-sweep-report.html").read_text()
    assert run(["report", "my-sweep/", "--output", "page.html"]) == ExitStatus.DONE
    assert Path("page.html").read_bytes() == Path("my-sweep-report.html").read_bytes()


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_url_as_well(capsys: Captured, folder: Path, scheme: str) -> None:
    url = "memory://bucket/theirs" if scheme == "memory" else folder.as_uri()
    if scheme == "memory":
        fsspec.filesystem("memory").pipe_file("bucket/theirs/results.json", (folder / "results.json").read_bytes())
    assert run(["report", f"{url}/"]) == ExitStatus.DONE
    name = "theirs" if scheme == "memory" else folder.name
    assert f"page: {name}-report.html" in capsys.readouterr().out
    assert Path(f"{name}-report.html").exists()


def test_the_json_is_the_document_and_writes_no_page(capsys: Captured, folder: Path) -> None:
    assert run(["report", str(folder), "--json"]) == ExitStatus.DONE
    assert json.loads(capsys.readouterr().out) == json.loads((folder / "results.json").read_text())
    assert not list(Path().glob("*.html"))


def test_the_table_and_the_document_need_no_extra(folder: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'fsspec', 'pyarrow', 'webdataset', 'ray', 'jinja2', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from levit_edge.cli.main import run\nsys.exit(run(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "report", str(folder)]
    result = subprocess.run([*command, "--json"], check=False, capture_output=True, text=True)
    assert result.returncode == ExitStatus.DONE, result.stderr
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == ExitStatus.BAD_INPUT
    assert "pip install 'levit-edge[quantize]'" in result.stderr
    assert not list(Path().glob("*.html"))


def with_eight_files(content: bytes) -> bytes:
    document = json.loads(content)
    document["candidates"][0]["artifacts"] *= 2
    return json.dumps(document).encode()


def with_result(name: str, value: object) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        document = json.loads(content)
        document["candidates"][0]["verification"]["results"][1][name] = value
        return json.dumps(document).encode()

    return change


def changed(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | changes).encode()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda _: b"{", "is not JSON"),
        (lambda _: b"[]", "is [], expected dict"),
        (lambda _: b"[" * 100_000, "is not JSON"),
        (lambda _: b"\xff", "is not JSON"),
        (lambda content: content.replace(b"0.2", b"NaN", 1), "NaN is not a JSON number"),
        (changed(schema_version=2), "schema_version is 2, expected 1"),
        (changed(candidates=None), "candidates is None, expected list"),
        (changed(surprise=1), "unknown keys ['surprise']"),
        (changed(candidates=[{"checkpoint": "a"}]), "candidates[0] lacks recipe"),
        (changed(tasks={"a": {"done": 1.5}}), "tasks.a.done is 1.5, expected int"),
        (changed(plan={}), "plan lacks"),
        (changed(device={"model": 1}), "device lacks"),
        (
            changed(candidates=[{"checkpoint": "a", "recipe": "b"}] * 20_001),
            "candidates has 20001 entries, expected",
        ),
        (with_result("drop_pt", -1e300), "results[1].drop_pt is -1e+300, expected -100 to 100"),
        (with_result("drop_ci95_pt", [0.0, 200]), "results[1].drop_ci95_pt[1] is 200.0, expected -100 to 100"),
        (with_result("flips_lost", -1), "results[1].flips_lost is -1, expected 0 to"),
        (with_result("sqnr_db", 1e300), "results[1].sqnr_db is 1e+300, expected -1000 to 1000"),
        (with_eight_files, "candidates[0].artifacts has 8 entries, expected 0 to 6"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("where", ["folder", "url"])
def test_a_damaged_document_is_one_error(
    capsys: Captured, folder: Path, change: Callable[[bytes], bytes], complaint: str, where: str
) -> None:
    path = folder / "results.json"
    path.write_bytes(change(path.read_bytes()))
    assert run(["report", str(folder) if where == "folder" else folder.as_uri()]) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1
    assert complaint in captured.err
    assert "a sweep's results" in captured.err
    assert "my-sweep" in captured.err
    assert captured.out == ""
    assert not list(Path().glob("*.html"))


def test_what_is_too_large_is_not_read(capsys: Captured, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("levit_edge.sweep.outcome.saved.MAX_RESULTS_BYTES", 1 << 20)
    (folder / "results.json").write_bytes(b" " * ((1 << 20) + 1))
    for place in (str(folder), folder.as_uri()):
        assert run(["report", place]) == ExitStatus.BAD_INPUT
        assert "larger than 1 MiB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("memory://nothing/here", "memory://nothing/here/results.json cannot be read: it does not exist"),
        ("nosuch://bucket/x", "nosuch"),
        ("http://127.0.0.1:1/x", "127.0.0.1:1/x/results.json cannot be read: no connection: Connection refused"),
        ("memory://a::file://b", "chains of URLs are not supported"),
    ],
)
def test_a_url_that_cannot_be_read_is_one_error(capsys: Captured, folder: Path, url: str, complaint: str) -> None:
    assert folder.exists()
    assert run(["report", url]) == ExitStatus.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1
    assert complaint in captured.err


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--compare", "BUNDLE"], "is a sweep, which is shown alone"),
        (["BUNDLE"], "is a sweep, which is shown alone"),
        (["SWEEP"], "is a sweep, which is shown alone"),
        (["."], "is a sweep, which is shown alone"),
        (["--plot", "boards.svg"], "is a sweep, which is shown alone"),
        (["--output", "page.pdf"], "page.pdf does not end in .html"),
        (["--json", "--open"], "none would be written: give --output"),
    ],
)
def test_wrong_usage_is_exit_status_2(
    capsys: Captured, folder: Path, tiny_bundle: Path, more: list[str], complaint: str
) -> None:
    words = [{"BUNDLE": str(tiny_bundle), "SWEEP": str(folder)}.get(word, word) for word in more]
    assert run(["report", str(folder), *words]) == ExitStatus.USAGE
    captured = capsys.readouterr()
    assert complaint in " ".join(captured.err.replace("│", "").split())
    assert captured.out == ""
    assert not list(Path().glob("*.html"))


def test_fifty_thousand_images_by_200_candidates_can_be_read(folder: Path, capsys: Captured) -> None:
    """Even if one in two hundred could not be read: each candidate names them."""
    results = sweep(40, 5)
    skipped = tuple(f"n{number:08}/ILSVRC2012_val_{number:08}.JPEG" for number in range(250))
    candidates = []
    for each in results.candidates:
        verification = each.verification
        if verification is not None:
            images = replace(verification.images, count=49_750, skipped=skipped)
            verification = replace(verification, images=images, samples=49_750)
        candidates.append(replace(each, verification=verification))
    large = saved(replace(results, candidates=tuple(candidates)), folder.parent / "large")
    size = (large / "results.json").stat().st_size
    assert 2e6 < size < 16e6
    assert run(["report", str(large), "--json"]) == ExitStatus.DONE
    assert json.loads(capsys.readouterr().out)["candidates"][0]["verification"]["images"]["skipped"] == list(skipped)


# --- --open -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["sweep", "bundle"])
def test_a_page_can_be_opened(
    capsys: Captured, folder: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    opened: list[str] = []

    def answer(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", answer)
    path = folder if what == "sweep" else tiny_bundle
    assert run(["report", str(path), "--open"]) == ExitStatus.DONE
    page = Path(f"{path.name}-report.html").resolve()
    assert opened == [page.as_uri()]
    assert page.exists()
    assert "warning" not in capsys.readouterr().err


def test_where_there_is_no_browser_the_page_is_named(folder: Path) -> None:
    command = [sys.executable, "-m", "levit_edge.cli.main", "report", str(folder), "--open"]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment_without_browsers(folder)
    )
    page = folder.parent / f"{folder.name}-report.html"
    assert f"warning: no browser could be started: open {page} yourself." in result.stderr
    assert page.exists()


def environment_without_browsers(folder: Path) -> dict[str, str]:
    import os

    kept = {key: value for key, value in os.environ.items() if key not in {"BROWSER", "DISPLAY", "WAYLAND_DISPLAY"}}
    return kept | {"PATH": str(folder / "nothing"), "PYTHONPATH": str(Path(__file__).parents[3])}


def test_boards_alone_have_no_page_to_open(capsys: Captured, folder: Path) -> None:
    assert run(["report", str(folder.parent), "--open"]) == ExitStatus.USAGE
    assert "none would be written: give --output" in " ".join(capsys.readouterr().err.replace("│", "").split())


# --- after a sweep ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (
            "out dir",
            "next: levit-edge report 'out dir' --open\n"
            "      levit-edge verify 'out dir/bundles/levit-00' --evaluation OTHER-IMAGES\n",
        ),
        ("s3://bucket/out", "next: levit-edge report s3://bucket/out --open\n"),
    ],
)
def test_a_sweep_says_what_comes_next(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, expected: str
) -> None:
    monkeypatch.setattr("levit_edge.sweep.sweep.sweep", lambda *_args, **_kwargs: sweep(1, 2))
    path = tmp_path / "plan.toml"
    path.write_text('checkpoints = [{ size = "demo" }]\n[calibration]\nimages = "."\n[evaluation]\nimages = "."\n')
    assert run(["sweep", str(path), "--output", place]) == ExitStatus.DONE
    assert capsys.readouterr().out.endswith(f"results: {place}\n{expected}")

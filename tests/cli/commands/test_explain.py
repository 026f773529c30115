import pytest

from levit_edge.cli.commands.explain import terms
from levit_edge.cli.main import run
from levit_edge.cli.terminal.console import stdout
from levit_edge.errors import ExitStatus
from levit_edge.glossary.terms import TERMS

Captured = pytest.CaptureFixture[str]


def test_a_term_is_explained_with_formula_and_page(capsys: Captured) -> None:
    assert run(["explain", "golden", "test"]) == ExitStatus.DONE
    assert capsys.readouterr().out.splitlines()[0] == "golden test"
    assert run(["explain", "sqnr"]) == ExitStatus.DONE
    shown = capsys.readouterr().out
    assert shown.startswith("SQNR\nalso: SQNR dB,")
    assert "10 * log10(sum(fp32^2) / sum((int8 - fp32)^2))" in shown
    assert shown.endswith("more: docs/how-it-works.md#verification\n")


def test_without_a_term_each_has_one_line(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(stdout, "_width", None)  # of the environment in which it was made
    assert run(["explain"]) == ExitStatus.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line[:18].rstrip() for line in lines] == [term.name for term in TERMS]


def test_lines_of_the_list_are_broken_beside_the_names(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(stdout, "_width", None)
    assert run(["explain"]) == ExitStatus.DONE
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert len([line for line in lines if line[0] != " "]) == len(TERMS) < len(lines)


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("sqrn", "there is no term 'sqrn': did you mean SQNR?"),
        ("xyzzy", "there is no term 'xyzzy': `levit-edge explain` lists those that there are."),
    ],
)
def test_an_unknown_term_is_wrong_usage(word: str, advice: str, capsys: Captured) -> None:
    assert run(["explain", word]) == ExitStatus.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == f"Error: Invalid value for TERM: {advice}"


@pytest.mark.parametrize(
    ("begun", "offered"), [("s", ["scheme", "speed-up", "SQNR", "stand-in", "static layer", "sweep"]), ("zz", [])]
)
def test_a_shell_completes_terms(begun: str, offered: list[str]) -> None:
    assert terms(begun) == offered

"""`levit-edge doctor`: what this machine has, and what to do about what it lacks."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.options import JsonOutput
from levit_edge.cli.terminal.console import print_json, say, stdout
from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.errors import ExitStatus

__all__ = ["doctor"]

COLOURS = {CheckStatus.OK: "green", CheckStatus.MISSING: "yellow", CheckStatus.PROBLEM: "bold red"}
STATUS_COLUMNS, NAME_COLUMNS = 9, 20
INDENT = " " * (STATUS_COLUMNS + NAME_COLUMNS)


def doctor(
    network: Annotated[bool, typer.Option("--network", help="Also try whether weights can be fetched.")] = False,
    json: JsonOutput = False,
) -> int:
    """Say what this machine has for levit-edge, and what to do about what it lacks.

    Exit status 3 if the packages that every command needs are not the required ones; 0 otherwise, also if things are
    missing that only some commands need.
    """
    from levit_edge.doctor.packages import PACKAGES
    from levit_edge.documents import to_json

    checks = _look(network=network)
    if json:
        print_json({"schema_version": 1, "checks": to_json(checks)})
    else:
        for check in checks:
            _print(check)
    broken = any(check.name == PACKAGES and check.status is not CheckStatus.OK for check in checks)
    return ExitStatus.BAD_INPUT if broken else ExitStatus.DONE


def _look(*, network: bool) -> list[Check]:
    """All checks; without `network` nothing leaves this machine."""
    from levit_edge.doctor import board_tools, machine, packages, web, weights

    return [
        packages.check_packages(),
        packages.check_quantize_packages(),
        *packages.check_runtimes(),
        machine.check_python(),
        machine.check_processor(),
        machine.check_memory(),
        machine.check_disk(Path.cwd()),
        weights.check_weights(),
        board_tools.check_ssh(),
        board_tools.check_adb(),
        board_tools.check_emulated_boards(),
        board_tools.check_counting(),
        web.check_web_runtime(),
        web.check_browser(),
        *(weights.check_network() if network else ()),
    ]


def _print(check: Check) -> None:
    stdout.print(f"{check.status:{STATUS_COLUMNS}}", style=COLOURS[check.status], end="", highlight=False)
    say(f"{check.name:{NAME_COLUMNS}}{_wrapped(check.found)}")
    if check.advice:
        say(INDENT + _wrapped(f"→ {check.advice}"))


def _wrapped(text: str) -> str:
    """In a column of its own on a terminal; elsewhere one line, for grep."""
    if not stdout.is_terminal:
        return text
    width = max(20, stdout.width - len(INDENT))
    return f"\n{INDENT}".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False))

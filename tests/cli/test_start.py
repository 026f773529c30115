"""A Ctrl-C while the command starts: Python's own answer would be a traceback."""

import subprocess
import sys

import pytest

IN_EXEC = """
import os, signal, sys
from levit_edge.cli import main
def interrupted(_arguments):
    try:
        exec("os.kill(os.getpid(), signal.SIGTERM)")
    except KeyboardInterrupt:
        return 143
main.run = interrupted
main.main()
"""


@pytest.mark.parametrize(
    ("program", "answer"),
    [("levit-edge", "SIG_DFL"), ("-m", "SIG_DFL"), ("-c", "default_int_handler"), ("", "default_int")],
)
def test_from_the_first_line_on_the_command_ends_quietly_and_others_answer_as_they_did(
    program: str, answer: str
) -> None:
    code = f"import sys; sys.argv = [{program!r}]; import levit_edge.cli, signal; print(repr(signal.getsignal(2)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer in result.stdout


def test_an_interrupt_inside_an_exec_does_not_change_the_exit_status() -> None:
    """CPython would end itself by SIGINT after all is done."""
    result = subprocess.run([sys.executable, "-c", IN_EXEC], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (143, "")

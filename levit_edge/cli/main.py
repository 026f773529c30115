"""The command `levit-edge`: subcommands, exit statuses, and what the user sees of an error.

Exit status: 0 done; 2 wrong usage; 3 bad input; 4 a gate failed; above 128 ended from outside. See
`levit_edge.errors.ExitStatus`.
"""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import typer

from levit_edge.cli.stray import Command, Group
from levit_edge.cli.subcommands import COMMANDS
from levit_edge.cli.terminal.console import show_error
from levit_edge.cli.terminal.encoding import never_fail
from levit_edge.cli.usage import plain
from levit_edge.errors import MEMORY_ADVICE, ExitStatus, LevitEdgeError
from levit_edge.system.logs import quiet_imports
from levit_edge.system.memory import ran_out_of_memory
from levit_edge.system.signals import end_at_once, end_in_order, last_signal

__all__ = ["app", "main"]

app = typer.Typer(
    name="levit-edge",
    cls=Group,
    help="Take a trained LeViT image classifier to verified INT8 ExecuTorch and ONNX files.",
    epilog="\b\nTo begin with, off-line and without images of your own:\n  levit-edge quantize --model demo\n\n"
    "Exit status: 0 done, 2 wrong usage, 3 bad input, 4 a gate failed, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    examples = "\n".join(("\b", "Examples:", *(f"  levit-edge {each}" for each in command.examples)))  # not wrapped
    settings = {"allow_extra_args": True}  # `Command` says what to type instead
    app.command(cls=Command, short_help=command.summary, epilog=examples, context_settings=settings)(command.function)


def show_version(requested: bool) -> None:
    """Print the version and stop."""
    if requested:
        from importlib.metadata import version

        typer.echo(f"levit-edge {version('levit-edge')}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=show_version, is_eager=True, help="Print the version."),
) -> None:
    """Take a trained LeViT image classifier to verified INT8 ExecuTorch and ONNX files."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    never_fail(sys.stdout, sys.stderr)
    end_in_order()
    quiet_imports()
    try:
        status = run(arguments)
    except KeyboardInterrupt:  # while an error was shown
        status = 128 + (last_signal() or signal.SIGINT)
    end_at_once()
    exec("")  # noqa: S102 - Python forgets an interrupt in an exec(), as dataclasses have; else it would die of it now
    sys.exit(status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    try:
        status = app(args=arguments, prog_name=app.info.name, standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:  # after the last stage
        status = ExitStatus.INTERRUPTED
    except typer.TyperException as error:
        with suppress(BrokenPipeError):
            plain(error).show()  # type: ignore[attr-defined]
        return ExitStatus.USAGE
    except (BrokenPipeError, SystemExit) as ended:
        if not any(isinstance(each, BrokenPipeError) for each in (ended, ended.__context__)):
            raise
        forget_output()
        return ExitStatus.OUTPUT_CLOSED
    except Exception as error:
        if last_signal() is not None:  # a library took the interruption for a fault of its own, or of a file
            status = ExitStatus.INTERRUPTED
        elif (message := message_about(error)) is not None:
            show_error(message)
            return ExitStatus.BAD_INPUT
        else:
            raise
    if status == ExitStatus.INTERRUPTED:  # Typer's answer to KeyboardInterrupt
        show_error("interrupted; no output was left unfinished.")
        return 128 + (last_signal() or signal.SIGINT)
    return status if isinstance(status, int) else ExitStatus.DONE


def message_about(error: Exception) -> str | None:
    """What to tell the user; None if it is a bug."""
    match error:
        case LevitEdgeError():
            return str(error)
        case ModuleNotFoundError(name=str(name)) if not name.startswith("levit_edge"):
            return f"{name} is not installed, and this needs it: run `pip install 'levit-edge[quantize]'`."
        case _ if ran_out_of_memory(error):
            return f"not enough memory: {MEMORY_ADVICE}"
        case OSError():  # a name that is too long, a full device behind stdout
            return f"{error.filename or 'the output'}: {error.strerror}."
    return None


def forget_output() -> None:
    """Nobody reads it any more, as with `| head`: Typer and Rich end then, and Python must not complain at its end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()

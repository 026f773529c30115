"""The command `levit-edge`: subcommands, exit statuses, and what the user sees of an error.

Exit status: 0 done; 2 wrong usage; 3 bad input; 4 a gate failed; 130 interrupted. See `levit_edge.errors.ExitStatus`.
"""

import logging
import sys
from collections.abc import Sequence

import typer

from levit_edge.cli.bench import bench
from levit_edge.cli.console import show_error
from levit_edge.cli.doctor import doctor
from levit_edge.cli.inspect import inspect
from levit_edge.cli.package import package
from levit_edge.cli.predict import predict
from levit_edge.cli.quantize import quantize
from levit_edge.cli.report import report
from levit_edge.cli.sensitivity import sensitivity
from levit_edge.cli.verify import verify
from levit_edge.errors import ExitStatus, LevitEdgeError

__all__ = ["app", "main"]

app = typer.Typer(
    name="levit-edge",
    help="Take a trained LeViT image classifier to verified INT8 ExecuTorch and ONNX files.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (quantize, verify, bench, package, predict, inspect, sensitivity, report, doctor):
    app.command()(command)


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
    for library in ("torchao", "torch.utils._pytree"):  # warn of GPU kernels and of each other when imported
        logging.getLogger(library).setLevel(logging.ERROR)
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    try:
        status = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except LevitEdgeError as error:
        show_error(str(error))
        return ExitStatus.BAD_INPUT
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]
        return ExitStatus.USAGE
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("levit_edge"):
            raise
        show_error(f"{error.name} is not installed, and this needs it: run `pip install 'levit-edge[quantize]'`.")
        return ExitStatus.BAD_INPUT
    except OSError as error:  # a name that is too long, a full device behind stdout
        show_error(f"{error.filename or 'the output'}: {error.strerror}.")
        return ExitStatus.BAD_INPUT
    if status == ExitStatus.INTERRUPTED:  # Typer's answer to Ctrl-C
        show_error("interrupted; nothing was written.")
    return status if isinstance(status, int) else ExitStatus.DONE


if __name__ == "__main__":
    main()

"""`levit-edge verify`: measure an existing bundle on labelled images, here or on a board."""

from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.console import TerminalListener, print_json, show_warning, stdout
from levit_edge.cli.options import (
    BundlePath,
    JsonOutput,
    Limit,
    MaxDrop,
    Python,
    RuntimeChoice,
    SkipBadImages,
    SshConfig,
    Timeout,
    Workers,
)
from levit_edge.errors import ExitStatus
from levit_edge.runtime.kinds import Runtime

__all__ = ["verify"]


def verify(
    bundle: BundlePath,
    evaluation: Annotated[
        Path, typer.Option(metavar="DIR", help="Images to measure on: one folder per class, or a folder of images.")
    ],
    max_drop: MaxDrop = None,
    limit: Limit = None,
    runtime: RuntimeChoice = None,
    skip_bad_images: SkipBadImages = False,
    workers: Workers = None,
    on: Annotated[
        str | None,
        typer.Option(metavar="BOARD", help="Run the files on a board, as for `bench`; images are decoded here."),
    ] = None,
    python: Python = None,
    ssh_config: SshConfig = None,
    timeout: Timeout = None,
    json: JsonOutput = False,
) -> int:
    """Run a bundle's fp32 and INT8 files in the real runtimes over images, and compare them."""
    from levit_edge.cli.tables import bundle_json, verification_table
    from levit_edge.runtime.bundle import Bundle
    from levit_edge.runtime.stages import Stages
    from levit_edge.runtime.verify import verify as verify_bundle

    stages, opened = Stages(TerminalListener()), Bundle.open(bundle)
    if on is None:
        for name, value in (("--python", python), ("--ssh-config", ssh_config), ("--timeout", timeout)):
            if value is not None:
                raise typer.BadParameter("goes with --on.", param_hint=name)
        verification = verify_bundle(
            opened,
            evaluation,
            runtimes=tuple(runtime or Runtime),
            limit=limit,
            max_drop_pt=max_drop,
            skip_bad_images=skip_bad_images,
            workers=workers,
            stages=stages,
        )
    else:
        from levit_edge.runtime.board.evaluate import verify_on
        from levit_edge.runtime.board.target import open_target

        found = verify_on(
            opened,
            open_target(on, python=python, ssh_config=ssh_config),
            evaluation,
            runtimes=runtime,
            limit=limit,
            max_drop_pt=max_drop,
            skip_bad_images=skip_bad_images,
            workers=workers,
            timeout_s=timeout,
            stages=stages,
        )
        verification = found.verification
        for reason in found.absent.values():
            show_warning(f"not evaluated on the board: {reason}.")
        if found.resumed:
            show_warning(f"{found.resumed} images were evaluated by an earlier call that was cut off.")
    if json:
        print_json(bundle_json(str(bundle), verification, stages.records))
    else:
        verification_table(verification, stdout)
    return ExitStatus.GATE_FAILED if verification.gate.passed is False else ExitStatus.DONE

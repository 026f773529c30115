"""`levit-edge verify`: measure an existing bundle on labelled images."""

from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.console import TerminalListener, print_json, stdout
from levit_edge.cli.options import BundlePath, JsonOutput, Limit, MaxDrop, RuntimeChoice, SkipBadImages, Workers
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
    json: JsonOutput = False,
) -> int:
    """Run a bundle's fp32 and INT8 files in the real runtimes over images, and compare them."""
    from levit_edge.cli.tables import bundle_json, verification_table
    from levit_edge.runtime.bundle import Bundle
    from levit_edge.runtime.stages import Stages
    from levit_edge.runtime.verify import verify as verify_bundle

    stages = Stages(TerminalListener())
    verification = verify_bundle(
        Bundle.open(bundle),
        evaluation,
        runtimes=tuple(runtime or Runtime),
        limit=limit,
        max_drop_pt=max_drop,
        skip_bad_images=skip_bad_images,
        workers=workers,
        stages=stages,
    )
    if json:
        print_json(bundle_json(str(bundle), verification, stages.records))
    else:
        verification_table(verification, stdout)
    return ExitStatus.GATE_FAILED if verification.gate.passed is False else ExitStatus.DONE

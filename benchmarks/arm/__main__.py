"""Instructions of one image on emulated ARM processors: levit-edge's files beside timm's LeViT in every CPU engine.

    pip install -e '.[bench]'
    scripts/board/setup.sh ~/.cache/levit-edge/boards --counting --peers
    python -m benchmarks.arm --model 128S --checkpoint my.pth --calibration train/ --evaluation val/ --work DIR

`--model demo` needs no images. What is found is kept in DIR, and the same command goes on after an interruption: files
of levit-edge's are exported anew where its code is another, and what was found holds if they have the same bytes. SQNR
and agreement are against the checkpoint in torch, float32: measured on this machine, or on the emulated Cortex-A76
where a file computes in float16. "here": processor time of one image on this machine, how many times that of our
int8.pte, in turn; without that file nothing is timed. A peer that is not installed or fails is a row with the reason.
With `--known` it shows what there is so far; `python -m benchmarks.arm.table FILE` prints as Markdown what
`--output FILE` wrote.
An emulated inference takes 1.5 to 2 s of processor time, a count five of them. Exit status: 0 done;
2 wrong usage; 3 bad input; 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.arm.commit import commit
from benchmarks.arm.measuring import FIRST_CPU, Measuring, evaluation_images
from benchmarks.arm.results import TABLE_COLUMNS, ArmComparison, show
from benchmarks.arm.rows import known_rows, measure
from benchmarks.arm.store import Setting, Store
from benchmarks.command import check_folders, check_model, command_line, conclude, positive
from benchmarks.document import circumstances
from benchmarks.isolation import Isolated
from benchmarks.latency import PACKAGES
from benchmarks.speed.catalogue import all_contenders
from benchmarks.speed.contender import Contender, Engine
from benchmarks.speed.options import add_contest_options, chosen_contenders, wanted_from
from benchmarks.speed.prepare import Prepared, prepare
from levit_edge import demo
from levit_edge.board.transports.qemu import CPUS, default_folder
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.image_set import calibration_images
from levit_edge.data.sampling import balanced_sample, digest
from levit_edge.system.host import package_versions

__all__ = ["contenders", "main", "run"]

CAVEAT = (
    "Millions of instructions of one image in an emulator, one thread: no time and no cycles; differences below 3 % are"
    " noise. The weights are no ImageNet model unless they are the published ones."
)
PROCESSORS = (FIRST_CPU, "neoverse-n2", "cortex-a53", "cortex-a55")
OURS = {"ours fp32", "ours int8 mixed", "ours int8-f16", "ours int8 mixed arm64"}
"""Of levit-edge's files those that `quantize` writes by default, and with `--target arm64`."""
NOT_THERE = {Engine.TORCH, Engine.TORCH_COMPILE}
SEED = 0


def contenders() -> list[Contender]:
    """Everybody who is counted."""
    known = [each for each in all_contenders() if each.engine not in NOT_THERE and each.process != "transformers"]
    own_engines = {Engine.EXECUTORCH, Engine.ONNXRUNTIME}
    return [each for each in known if each.engine not in own_engines or each.process != "ours" or each.name in OURS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)

    def publish(comparison: ArmComparison) -> None:
        show(comparison, Console(width=max(Console().width, TABLE_COLUMNS)))

    return conclude(lambda: run(options, command_line("arm", arguments)), options.output, publish)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arm", description=(__doc__ or "").split("\n")[0])
    add_contest_options(parser, calibration_images=128)
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="images to compare logits on [embedded]")
    parser.add_argument("--images", type=positive, default=60, metavar="N", help="how many of them [60]")
    parser.add_argument("--float16-images", type=positive, default=50, metavar="N", help="how many, emulated [50]")
    parser.add_argument("--on", action="append", choices=CPUS, metavar="CPU", help=f"[{', '.join(PROCESSORS)}]")
    parser.add_argument("--runs", type=positive, default=3, metavar="N", help="inferences in each count [3]")
    parser.add_argument("--timeout", type=positive, default=1800, metavar="S", help="of one emulated process [1800]")
    parser.add_argument("--boards", type=Path, default=default_folder(), metavar="DIR", help="[%(default)s]")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="where findings and files are kept")
    parser.add_argument("--known", action="store_true", help="show what is in --work; make and measure nothing")
    options = parser.parse_args(arguments)
    check_model(parser, options)
    check_folders(parser, {"--output": options.output, "--work": options.work})
    options.contenders = chosen_contenders(parser, contenders(), options.only)
    return options


def run(options: argparse.Namespace, command: str) -> ArmComparison:
    """Build everybody's file, look at what it computes, and count it on each processor in turn.

    Raises:
        LevitEdgeError: the checkpoint or the images are not usable, there is no emulator, or `--work` has findings of
            something else.
    """
    listener = TerminalListener()
    (files := options.work / "files").mkdir(parents=True, exist_ok=True)
    prepared = _prepared(options, files, listener)
    store, cpus = Store(folder=options.work), options.on or PROCESSORS
    measuring = Measuring(
        workshop=prepared.workshop,
        store=store,
        boards=options.boards,
        runs=options.runs,
        float16_images=options.float16_images,
        timeout_s=options.timeout,
        listener=listener,
    )
    if not options.known:
        measure(options.contenders, measuring, cpus)
    return ArmComparison(
        caveat=CAVEAT,
        command=command,
        **circumstances(PACKAGES),
        model=prepared.model,
        classes=prepared.classes,
        checkpoint_sha256=prepared.checkpoint_sha256,
        calibration_images=prepared.calibration.count,
        runs=options.runs,
        board_packages=_board_packages(options.boards),
        commit=commit(),
        rows=known_rows(options.contenders, store, cpus),
    )


def _prepared(options: argparse.Namespace, files: Path, listener: TerminalListener) -> Prepared:
    found = calibration_images(options.evaluation or demo.evaluation_dir())
    chosen = balanced_sample(found, min(options.images, len(found)), SEED)
    with listener.stage("prepare", None), Isolated() as process:
        prepared = process.call(prepare, wanted_from(options), files)
        process.call(evaluation_images, prepared.workshop, chosen.images, options.resize)
    setting = Setting(
        checkpoint_sha256=prepared.checkpoint_sha256,
        calibration_sha256=prepared.calibration.sha256,
        calibration_images=prepared.calibration.count,
        evaluation=digest(chosen),
        evaluation_images=len(chosen),
        float16_images=options.float16_images,
        runs=options.runs,
        resize=options.resize,
        versions=package_versions(PACKAGES) | _board_packages(options.boards),
    )
    Store(folder=options.work).require(setting)
    return prepared


def _board_packages(boards: Path) -> dict[str, str]:
    """Name -> version of what is installed for the emulated processors."""
    found = [path.name.removesuffix(".dist-info").rpartition("-") for path in sorted(boards.glob("*/*.dist-info"))]
    return {f"aarch64 {name}": version for name, _, version in found}


if __name__ == "__main__":
    sys.exit(main())

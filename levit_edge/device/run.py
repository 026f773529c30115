"""Classifies photographs with the package that this file lies in; checks and times its model on this computer.

    python run.py photo.jpg folder 'more/**/*.jpg' [--top 5] [--no-exif] [--format csv] [--output FILE]
    python run.py --camera 0 [--frames 100]
    python run.py --self-test [--runtime executorch] [--precision int8]
    python run.py --bench [--runs 100] [--threads 1]

Needs Python 3.9 or newer, numpy, Pillow 9.1 or newer, and onnxruntime or executorch-numpy-runtime (or executorch).
Nothing is installed, and nothing is read that was not checked against its SHA-256 in `model.json` first. A model with
float16 is taken where the processor computes in it; it is said then which is taken, and why. README.md says more.

Exit status: 0 done; 2 wrong usage; 3 something is missing or damaged, a photograph too, or computes otherwise than it
should; 130 interrupted; 141 nobody reads what it prints.

In the repository this file is `levit_edge/device/run.py`; packages carry the modules that it imports with it.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path

try:
    import numpy as np

    from levit_edge.device.unpacked import Opened, UnpackedPackage, open_best, steady
except ImportError as error:
    sys.exit(f"error: {error.name} is not installed: pip install numpy pillow onnxruntime")
except AttributeError as error:  # Image.Resampling
    sys.exit(f"error: Pillow is older than 9.1 ({error}): pip install --upgrade pillow")
from levit_edge.device.choice import FLOAT16, PRECISIONS, RUNTIMES, refusal
from levit_edge.device.classify import classify
from levit_edge.device.engines import NO_TELEMETRY
from levit_edge.device.errors import ExitStatus, LevitEdgeError, PackageError
from levit_edge.device.facts import read_facts, read_state
from levit_edge.device.float16 import Float16, float16_here
from levit_edge.device.sheets import FORMATS
from levit_edge.device.words import counted, harmless
from levit_edge.device.worker import Worker

WARM_UP = 10


def self_test(package: UnpackedPackage, opened: Opened, float16: Float16, chosen: argparse.Namespace) -> None:
    """Check every file, then the golden input's logits of all models of the runtime that is used.

    Raises:
        PackageError: a file is not the one in `model.json`, or logits differ by more than they may.
        RuntimeUnavailableError: the runtime refuses a file, or fails with it.
    """
    for name in package.hashes:
        package.read(name)
    check_model(package, opened)
    others = [each for each in package.models if each["runtime"] == opened.model["runtime"] and each != opened.model]
    for model in others if chosen.precision is None else ():
        if model["precision"] == FLOAT16 and not float16.runs:
            print(f"not run: {refusal(package.models, model, float16)}")
        else:
            check_model(package, Opened(model, *package.open_model(model, chosen.threads)))


def check_model(package: UnpackedPackage, opened: Opened) -> None:
    """Check the golden input's logits of one model.

    Raises:
        PackageError: they differ by more than they may.
    """
    model, engine, run = opened
    images, difference, passed = package.compare(model, run)
    if not passed:
        raise PackageError(
            f"{model['file']} in {engine} does not compute here what it computed where it was made: its logits are up"
            f" to {difference:g} apart, and less than {model['least_sqnr_db']:g} dB SQNR."
        )
    golden = counted(images, "golden image")
    print(f"{model['file']} in {engine}: {golden}, logits at most {difference:g} apart: passed")


def bench(package: UnpackedPackage, opened: Opened, runs: int, threads: int) -> None:
    """Print what the board is, and the times of one inference alone, as `levit-edge bench` takes them."""
    model, engine, run = opened
    worker = Worker()
    worker.run_one, worker.image = run, package.floats(package.golden_input)[:1]
    before = read_state()
    times = worker.run(WARM_UP, runs)["ms"]
    facts, after = read_facts(), read_state()
    p50, p90, p99 = np.percentile(times, (50, 90, 99))
    print(f"{facts['model'] or 'unknown device'}, {facts['machine']}, {facts['os']}, Python {facts['python']}")
    if facts["emulator"]:
        print(f"emulated by {facts['emulator']}: the times mean nothing")
    print(f"{model['file']} in {engine}, threads {threads}, {counted(runs, 'run')} after {WARM_UP} to warm up:")
    print(f"  p50 {p50:.3f} ms, p90 {p90:.3f}, p99 {p99:.3f}, min {min(times):.3f}; {1000 / p50:.1f} images/s")
    for name, state in (("before", before), ("after", after)):
        print(f"  {name}: load {state['load']}, governors {sorted(set(state['governors'].values()))}")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; wrong usage ends with status 2."""
    parser = argparse.ArgumentParser(description="Classify photographs, check or time the model of this package.")
    parser.add_argument(
        "photographs", nargs="*", metavar="PHOTOGRAPH", help="files, folders, quoted patterns; -: standard input"
    )
    parser.add_argument("--from-file", type=Path, metavar="LIST", help="a list of them; -: standard input")
    parser.add_argument("--camera", type=int, metavar="N", help="classify what camera N sees, until Ctrl-C")
    parser.add_argument("--frames", type=int, metavar="N", help="end a camera after so many frames")
    parser.add_argument("--top", type=int, default=5, help="how many classes to show")
    parser.add_argument("--no-exif", action="store_true", help="take photographs as stored, whatever their EXIF says")
    parser.add_argument("--skip-bad-images", action="store_true", help="leave out what cannot be read, with a warning")
    parser.add_argument("--format", choices=FORMATS, help="of the results; as --output ends, or text, without this")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results there, whole or not at all")
    parser.add_argument("--self-test", action="store_true", help="check all files and the golden output")
    parser.add_argument("--bench", action="store_true", help="time the model")
    parser.add_argument("--runs", type=int, default=100, help="how often to run it for --bench")
    parser.add_argument("--threads", type=int, default=1, help="of the runtime")
    parser.add_argument("--runtime", choices=RUNTIMES, help="which one; the first that is installed without this")
    parser.add_argument("--precision", choices=PRECISIONS, help="which model; the one for this processor without this")
    chosen = parser.parse_args(arguments)
    named, camera = bool(chosen.photographs or chosen.from_file), chosen.camera is not None
    if named + camera + chosen.self_test + chosen.bench != 1:
        parser.error("give photographs, or --camera, or --self-test, or --bench")
    counts = [chosen.top, chosen.runs, chosen.threads, 1 if chosen.frames is None else chosen.frames]
    if min(counts) < 1 or (chosen.camera or 0) < 0:
        parser.error("--top, --runs, --threads and --frames count from 1, --camera from 0")
    if chosen.frames is not None and not camera:
        parser.error("--frames goes with --camera")
    if (chosen.skip_bad_images or chosen.no_exif) and not named:
        parser.error("--skip-bad-images and --no-exif go with photographs")
    if (chosen.format or chosen.output) and not (named or camera):
        parser.error("--format and --output go with photographs or --camera")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    chosen = parse_arguments(arguments)
    for name, value in NO_TELEMETRY.items():
        os.environ.setdefault(name, value)
    if isinstance(sys.stdout, io.TextIOWrapper):  # labels and names of files may have what its encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        package = UnpackedPackage(Path(__file__).resolve().parent)
        float16 = float16_here()
        opened = open_best(package, chosen, float16)
        if chosen.self_test:
            self_test(package, opened, float16, chosen)
        elif chosen.bench:
            bench(package, opened, chosen.runs, chosen.threads)
        else:
            classify(package, steady(package, opened, chosen, float16), opened.model, chosen)
        sys.stdout.flush()
    except LevitEdgeError as error:
        print(f"error: {harmless(str(error))}", file=sys.stderr)
        return ExitStatus.BAD_INPUT
    except BrokenPipeError:  # nobody reads on, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.OUTPUT_CLOSED
    except OSError as error:  # a full device behind standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"error: {error.filename or 'the output'}: {error.strerror}.", file=sys.stderr)
        return ExitStatus.BAD_INPUT
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    return ExitStatus.DONE


if __name__ == "__main__":
    sys.exit(main())

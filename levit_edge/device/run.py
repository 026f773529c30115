"""Classifies photographs with the package that this file lies in; checks and times its model on this computer.

    python run.py photo.jpg [--top 5] [--no-exif]
    python run.py --self-test [--runtime executorch] [--precision int8]
    python run.py --bench [--runs 100] [--threads 1]

Needs Python 3.9 or newer, numpy, Pillow 9.1 or newer, and onnxruntime or executorch-numpy-runtime (or executorch).
Nothing is installed, and nothing is read that was not checked against its SHA-256 in `model.json` first. A model with
float16 is taken where the processor computes in it; it is said then which is taken, and why. Exit status:
0 done; 2 wrong usage; 3 something is missing, damaged, or computes otherwise than it should; 130 interrupted; 141
nobody reads what it prints.

In the repository this file is `levit_edge/device/run.py`; packages carry the modules that it imports with it.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, NamedTuple

try:
    import numpy as np

    from levit_edge.device.image import FILTERS, crop_square, open_photograph
    from levit_edge.device.normalisation import normalise_pixels
    from levit_edge.device.orientation import AS_IT_IS
except ImportError as error:
    sys.exit(f"error: {error.name} is not installed: pip install numpy pillow onnxruntime")
except AttributeError as error:  # Image.Resampling
    sys.exit(f"error: Pillow is older than 9.1 ({error}): pip install --upgrade pillow")
from levit_edge.device.choice import FLOAT16, PRECISIONS, RUNTIMES, choose, refusal
from levit_edge.device.engines import NO_TELEMETRY, import_engine
from levit_edge.device.errors import ExitStatus, LevitEdgeError, PackageError, RuntimeUnavailableError
from levit_edge.device.facts import read_facts, read_state
from levit_edge.device.float16 import Float16, float16_here
from levit_edge.device.golden import compare_golden
from levit_edge.device.protocol import AgentError
from levit_edge.device.ranking import softmax, top_classes
from levit_edge.device.worker import Worker

WARM_UP = 10
Run = Callable[[Any], Any]
"""float32 (1, 3, size, size) -> float32 (classes,) logits."""


class UnpackedPackage:
    """The folder of an unpacked package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            document = json.loads((folder / "model.json").read_bytes())
            self.hashes = {name: file["sha256"] for name, file in document["files"].items()}
            self.labels_file, self.golden_input = document["labels_file"], document["golden_input"]
            form = document["input"]
            self.resize, self.image_size = form["resize"], form["image_size"]
            self.interpolation, self.squash = form["interpolation"], {"center": False, "squash": True}[form["crop"]]
            FILTERS[self.interpolation]  # or else the document is none of this version
            self.mean, self.std = tuple(form["mean"]), tuple(form["std"])
            self.models = [
                {key: model[key] for key in ("file", "runtime", "precision", "golden_output", "least_sqnr_db")}
                | {"oldest": model["oldest_runtime"]["version"]}
                for model in document["models"]
            ]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise PackageError(
                f"{folder / 'model.json'} is missing or damaged ({error!r}): unpack the package again."
            ) from None

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            PackageError: it is missing, or not the one in `model.json`.
        """
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise PackageError(f"{name} cannot be read ({error.strerror}): unpack the package again.") from None
        if hashlib.sha256(data).hexdigest() != self.hashes.get(name):
            raise PackageError(
                f"{name} is damaged or was changed: its SHA-256 is not that in model.json. Unpack the package again."
            )
        return data

    def floats(self, array: dict[str, Any]) -> Any:
        """The numbers of a file, in their shape."""
        return np.frombuffer(self.read(array["file"]), "<f4").astype(np.float32).reshape(array["shape"])

    def labels(self) -> list[str]:
        """In class order."""
        return self.read(self.labels_file).decode("utf-8").splitlines()

    def read_photograph(self, path: Path, *, exif: bool) -> tuple[Any, bool]:
        """A photograph as the model's input, (1, 3, size, size) float32, and whether it was turned.

        With `exif` it is the way up that its EXIF says; otherwise as it is stored.

        Raises:
            DataError: it cannot be read.
        """
        photograph = open_photograph(path)
        image = photograph.upright if exif else photograph.pixels
        square = crop_square(image, self.resize, self.image_size, interpolation=self.interpolation, squash=self.squash)
        inputs = normalise_pixels(np.asarray(square), self.mean, self.std)[np.newaxis]
        return inputs, exif and photograph.orientation != AS_IT_IS

    def open_model(self, model: Any, threads: int) -> tuple[str, Run]:
        """What runs a model, and its function.

        Raises:
            AgentError: its runtime is not installed.
            RuntimeUnavailableError: it refuses the file; the function, when it fails.
        """
        package, load = import_engine(model["runtime"])
        data = self.read(model["file"])
        try:
            return package, _named(load(data, threads), model["file"])
        except AgentError as error:
            raise RuntimeUnavailableError(f"{model['file']}: {error}.") from None
        except Exception as error:  # each runtime has exceptions of its own
            raise RuntimeUnavailableError(
                f"{package} refuses {model['file']} ({error}); the oldest known to load it is {model['runtime']}"
                f" {model['oldest']}."
            ) from None

    def compare(self, model: Any, run: Run) -> tuple[int, float, bool]:
        """How many golden inputs there are, how far logits are apart at most, and whether they are close enough.

        Raises:
            RuntimeUnavailableError: the runtime fails with them.
        """
        inputs, golden = self.floats(self.golden_input), self.floats(model["golden_output"])
        return (len(inputs), *compare_golden(run, inputs, golden, model["least_sqnr_db"]))


def _named(run: Run, file: str) -> Run:
    """`run`, whose faults are one kind of error that names the file."""

    def named(image: Any) -> Any:
        try:
            return run(image)
        except Exception as error:  # each runtime has exceptions of its own
            raise RuntimeUnavailableError(f"{file} does not run here ({error}).") from None

    return named


class Opened(NamedTuple):
    """A model that can run."""

    model: Any
    engine: str
    run: Run


def open_best(
    package: UnpackedPackage,
    chosen: argparse.Namespace,
    float16: Float16,
    failed: RuntimeUnavailableError | None = None,
) -> Opened:
    """The best model for this processor whose runtime is installed; says which, where that depends on float16.

    One with float16 is taken only after its golden inputs. Of what does not work, as of one that `failed` later, it
    says so in the same line.

    Raises:
        RuntimeUnavailableError: no runtime is installed, or what is refuses each file or fails with it.
        PackageError: the package has no such model, or a file is damaged.
    """
    missing, faults = [], [] if failed is None else [str(failed)]
    reasons = [each.rstrip(".") for each in faults]
    with_float16 = [each["runtime"] for each in package.models if each["precision"] == FLOAT16]
    free = chosen.precision is None and any(chosen.runtime in (None, each) for each in with_float16)
    for model in choose(package.models, chosen.runtime, chosen.precision, float16):
        try:
            opened = _open(package, model, chosen.threads)
        except AgentError as error:  # noqa: PERF203 - of three files
            missing.append(str(error))
            if model["precision"] == FLOAT16:
                reasons.append(f"{model['file']}, which is for this processor, needs executorch ({error})")
        except RuntimeUnavailableError as error:
            faults.append(str(error))
            why = str(error).rstrip(".")
            reasons.append(f"{model['file']} is for this processor and does not work on it ({why})")
        else:
            if free or faults:
                print(f"{model['file']} is used: {'; '.join(reasons) or float16.why}", file=sys.stderr)
            return opened
    raise RuntimeUnavailableError(
        " ".join(faults)
        or f"no runtime is installed ({'; '.join(dict.fromkeys(missing))}): pip install onnxruntime, or"
        " executorch-numpy-runtime"
    )


def _open(package: UnpackedPackage, model: Any, threads: int) -> Opened:
    """The model, and one with float16 only if it gives the golden logits."""
    opened = Opened(model, *package.open_model(model, threads))
    if model["precision"] == FLOAT16 and not package.compare(model, opened.run)[-1]:
        raise RuntimeUnavailableError(
            f"{model['file']} in {opened.engine} does not compute here what it computed where it was made."
        )
    return opened


def steady(package: UnpackedPackage, opened: Opened, chosen: argparse.Namespace, float16: Float16) -> Run:
    """The function of the model; if that has float16, nobody asked for it and it fails, from then on the next one's."""
    current = opened

    def run(image: Any) -> Any:
        nonlocal current
        file = current.model["file"]
        try:
            logits = current.run(image)
            if not np.isfinite(logits).all():
                raise RuntimeUnavailableError(f"{file} gives logits that are not finite numbers.")
        except RuntimeUnavailableError as error:
            if current.model["precision"] != FLOAT16 or chosen.precision is not None:
                raise
            others = copy.copy(package)
            others.models = [each for each in package.models if each != current.model]
            current = open_best(others, chosen, float16, error)
            return run(image)
        return logits

    return run


def classify(package: UnpackedPackage, run: Run, photographs: list[Path], top: int, *, exif: bool) -> None:
    """Print the likeliest classes of each photograph."""
    labels = package.labels()
    for path in photographs:
        inputs, turned = package.read_photograph(path, exif=exif)
        logits = run(inputs)
        probabilities = softmax(logits)
        print(f"{path}{' (turned as its EXIF says)' if turned else ''}")
        for index in top_classes(logits, top):
            print(f"  {probabilities[index]:7.2%}  {labels[index]}")


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
    golden = f"{images} golden image{'s' * (images > 1)}"
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
    print(f"{model['file']} in {engine}, threads {threads}, {runs} run{'s' * (runs > 1)} after {WARM_UP} to warm up:")
    print(f"  p50 {p50:.3f} ms, p90 {p90:.3f}, p99 {p99:.3f}, min {min(times):.3f}; {1000 / p50:.1f} images/s")
    for name, state in (("before", before), ("after", after)):
        print(f"  {name}: load {state['load']}, governors {sorted(set(state['governors'].values()))}")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; wrong usage ends with status 2."""
    parser = argparse.ArgumentParser(description="Classify photographs, check or time the model of this package.")
    parser.add_argument("photographs", nargs="*", type=Path, metavar="PHOTOGRAPH")
    parser.add_argument("--top", type=int, default=5, help="how many classes to show")
    parser.add_argument("--no-exif", action="store_true", help="take photographs as stored, whatever their EXIF says")
    parser.add_argument("--self-test", action="store_true", help="check all files and the golden output")
    parser.add_argument("--bench", action="store_true", help="time the model")
    parser.add_argument("--runs", type=int, default=100, help="how often to run it for --bench")
    parser.add_argument("--threads", type=int, default=1, help="of the runtime")
    parser.add_argument("--runtime", choices=RUNTIMES, help="which one; the first that is installed without this")
    parser.add_argument("--precision", choices=PRECISIONS, help="which model; the one for this processor without this")
    chosen = parser.parse_args(arguments)
    if bool(chosen.photographs) + chosen.self_test + chosen.bench != 1:
        parser.error("give photographs, or --self-test, or --bench")
    if min(chosen.top, chosen.runs, chosen.threads) < 1:
        parser.error("--top, --runs and --threads count from 1")
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
            run = steady(package, opened, chosen, float16)
            classify(package, run, chosen.photographs, chosen.top, exif=not chosen.no_exif)
        sys.stdout.flush()
    except LevitEdgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitStatus.BAD_INPUT
    except BrokenPipeError:  # nobody reads on, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.OUTPUT_CLOSED
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    return ExitStatus.DONE


if __name__ == "__main__":
    sys.exit(main())

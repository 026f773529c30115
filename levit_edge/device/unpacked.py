"""The folder of an unpacked package, and the models in it that can run here.

Runs with Python 3.9: packages for boards carry this file.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np

from levit_edge.device.choice import FLOAT16, RUNTIMES, choose
from levit_edge.device.engines import import_engine
from levit_edge.device.errors import PackageError, RuntimeUnavailableError
from levit_edge.device.float16 import Float16
from levit_edge.device.golden import compare_golden
from levit_edge.device.image import FILTERS, crop_square, decode_photograph, open_photograph
from levit_edge.device.normalisation import normalise_pixels
from levit_edge.device.orientation import AS_IT_IS
from levit_edge.device.photographs import Given
from levit_edge.device.protocol import AgentError

INSTALLED = {"onnxruntime": "onnxruntime", "executorch": "executorch-numpy-runtime"}
"""What to install for a runtime."""
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

    def read_photograph(self, image: Path | Given, *, exif: bool) -> tuple[Any, bool]:
        """A photograph as the model's input, (1, 3, size, size) float32, and whether it was turned.

        With `exif` it is the way up that its EXIF says; otherwise as it is stored.

        Raises:
            DataError: it cannot be read.
        """
        if isinstance(image, Given):
            photograph = decode_photograph(image.content, image.name)
        else:
            photograph = open_photograph(image)
        inputs = self.preprocess(photograph.upright if exif else photograph.pixels)
        return inputs, exif and photograph.orientation != AS_IT_IS

    def preprocess(self, image: Any) -> Any:
        """A Pillow image in RGB as the model's input, (1, 3, size, size) float32.

        Raises:
            DataError: it is too elongated.
        """
        square = crop_square(image, self.resize, self.image_size, interpolation=self.interpolation, squash=self.squash)
        return normalise_pixels(np.asarray(square), self.mean, self.std)[np.newaxis]

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
    models = choose(package.models, chosen.runtime, chosen.precision, float16)
    needed = {each["runtime"] for each in models}
    for model in models:
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
        or f"no runtime is installed ({'; '.join(dict.fromkeys(missing))}): pip install"
        f" {', or '.join(INSTALLED[name] for name in RUNTIMES if name in needed)}"
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

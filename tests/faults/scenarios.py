"""The commands that are ended, what was at their output before, and what may be there afterwards."""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.errors import LevitEdgeError
from levit_edge.package.signature import signature_path
from levit_edge.package.write import package_reserved
from tests.faults.tiny_levit import write_checkpoint

__all__ = ["SCENARIOS", "Scenario"]

TINY = (sys.executable, "-m", "tests.faults.tiny")
QUANTIZE = (*TINY, "quantize", "--no-float16")
OLD, NEW, NONE, MIXTURE = "old", "new", "none", "MIXTURE"


class Scenario(Protocol):
    """One command."""

    lines: Sequence[str]
    """Beginnings of lines on stderr, in order."""
    files: Sequence[str]
    """Patterns, below the place, of what appears in its last steps."""
    duration_s: float
    """How long the next run would take."""

    def set_up(self, place: Path, bundle: Path | None = None) -> None:
        """Make in `place` what the command needs, once; `bundle` serves where one is needed."""

    def before(self, *, old: bool) -> None:
        """Put an old output in its place, or none."""

    def command(self) -> list[str]:
        """What to run."""

    def found(self, stdout: str) -> str:
        """What is at the output: old, new, none or a MIXTURE."""

    def leftovers(self) -> list[str]:
        """What else is beside it."""

    def clean(self) -> None:
        """What the next run does first."""


def photographs(folder: Path, count: int, seed: int, classes: Sequence[str] = "abc") -> Path:
    """Noise, in folders for the classes."""
    pixels = np.random.default_rng(seed)
    for index in range(count):
        path = folder / classes[index % len(classes)] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.integers(0, 256, (70, 80, 3), np.uint8)).save(path)
    return folder


def make_bundle(place: Path, name: str) -> tuple[Path, float]:
    """A bundle of the tiny LeViT, and how many seconds that took."""
    write_checkpoint(place / f"{name}.pth", seed=1)
    command = [*QUANTIZE, "--checkpoint", f"{name}.pth", "--output", name, *images_of(place)]
    return place / name, timed(command, place)


def bundle_in(place: Path, bundle: Path | None) -> Path:
    """A copy of `bundle`, or one of the tiny LeViT."""
    return make_bundle(place, "bundle")[0] if bundle is None else shutil.copytree(bundle, place / "bundle")


def relabelled(bundle: Path, name: str) -> Path:
    """The same bundle with other class names."""
    source = Bundle.open(bundle)
    with new_bundle(bundle.with_name(name)) as writer:
        for file in source.manifest.files:
            content = source.read(file)
            writer.add(file, content.upper() if file == source.manifest.labels_file else content)
        writer.commit(replace(source.manifest, files=writer.files))
    return bundle.with_name(name)


def timed(command: Sequence[str], place: Path) -> float:
    """Run it to its end."""
    start = time.monotonic()
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    return time.monotonic() - start


def images_of(place: Path) -> list[str]:
    folder = place / "photographs"
    if not folder.exists():
        photographs(folder, 24, seed=0)
    return ["--calibration", str(folder), "--calibration-images", "8", "--evaluation", str(folder)]


def tree_digest(path: Path) -> str:
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(hashlib.sha256(each.read_bytes()).digest() for each in files)).hexdigest()


def others(folder: Path, names: set[str]) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in names)


@dataclass
class Quantize:
    """A bundle over an older one, or over none.

    Three runs of four go on from one that was ended when all files were exported, as exporting takes most of the time.
    The fourth begins with what the one before it has left, or with nothing.
    """

    lines: Sequence[str] = ("read", "calibrat", "export fp32.pte", "export int8.pte", "check exports", "verify")
    files: Sequence[str] = ("out/.bundle.partial-*/golden.npz", "out/.bundle.partial-*/manifest.json")
    turn: int = 0

    def set_up(self, place: Path, bundle: Path | None = None) -> None:
        del bundle
        self.place, self.output = place, place / "out" / "bundle"
        self.output.parent.mkdir()
        self.old, self._cold_s = make_bundle(place, "old")
        self.old_digest = tree_digest(self.old)
        write_checkpoint(place / "new.pth", seed=2)
        with (place / "warm.log").open("w+") as log, subprocess.Popen(self.command(), cwd=place, stderr=log) as process:
            while "check exports" not in (place / "warm.log").read_text():
                time.sleep(0.01)
            process.terminate()
        shutil.move(place / "cache", place / "warm")
        self._restore()
        self._warm_s = timed(self.command(), place)

    def before(self, *, old: bool) -> None:
        shutil.rmtree(self.output, ignore_errors=True)
        if old:
            shutil.copytree(self.old, self.output)
        self.had_old, self.turn = old, self.turn + 1
        if self.turn % 4:
            self._restore()
        self.duration_s = self._warm_s if self.turn % 4 else self._cold_s

    def _restore(self) -> None:
        shutil.rmtree(self.place / "cache", ignore_errors=True)
        shutil.copytree(self.place / "warm", self.place / "cache")

    def command(self) -> list[str]:
        return [*QUANTIZE, "--checkpoint", "new.pth", "--output", str(self.output), *images_of(self.place)]

    def found(self, stdout: str) -> str:
        del stdout
        if not self.output.exists():
            return MIXTURE if self.had_old else NONE
        if tree_digest(self.output) == self.old_digest:
            return OLD
        try:
            bundle = Bundle.open(self.output)
            for name in bundle.manifest.files:
                bundle.read(name)
            whole = {path.name for path in self.output.iterdir()} == {*bundle.manifest.files, "manifest.json"}
        except LevitEdgeError:
            whole = False
        return NEW if whole and bundle.manifest.checkpoint.source == "new.pth" else MIXTURE

    def leftovers(self) -> list[str]:
        return others(self.output.parent, {"bundle"})

    def clean(self) -> None:
        with new_bundle(self.output):
            pass


@dataclass
class Package:
    """A signed package over an older one, or over none."""

    lines: Sequence[str] = ()
    files: Sequence[str] = ("out/.p.zip.lock", "out/.p.zip.partial-*", "out/.p.zip.sig.partial-*")
    known: dict[str, str] = field(default_factory=dict)

    def set_up(self, place: Path, bundle: Path | None = None) -> None:
        self.place, self.output = place, place / "out" / "p.zip"
        self.output.parent.mkdir()
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", place / "key.pem"], check=True)
        self.bundle = bundle_in(place, bundle)
        made = {OLD: relabelled(self.bundle, "other"), NEW: self.bundle}
        for kind, each in made.items():
            (place / kind).mkdir()
            self.duration_s = timed(self._package(each, place / kind / "p.zip"), place)
            self.known |= {tree_digest(path): kind for path in (place / kind).iterdir()}

    def before(self, *, old: bool) -> None:
        for path in (self.output, signature_path(self.output)):
            path.unlink(missing_ok=True)
            if old:
                shutil.copy(self.place / OLD / path.name, path)
        self.had_old = old

    def command(self) -> list[str]:
        return self._package(self.bundle, self.output)

    def found(self, stdout: str) -> str:
        del stdout
        paths = (self.output, signature_path(self.output))
        package, signature = (self.known.get(tree_digest(each), MIXTURE) if each.exists() else NONE for each in paths)
        if package == NONE:
            return NONE if signature == NONE and not self.had_old else MIXTURE
        return package if signature in {package, NONE} else MIXTURE

    def leftovers(self) -> list[str]:
        return others(self.output.parent, {"p.zip", "p.zip.sig"})

    def clean(self) -> None:
        with package_reserved(self.output):
            pass

    def _package(self, bundle: Path, output: Path) -> list[str]:
        key = str(self.place / "key.pem")
        return [*TINY, "package", str(bundle), "--for", "board", "--sign", key, "--output", str(output)]


@dataclass
class Verify:
    """A bundle on many photographs in two processes. It writes nothing: its JSON is whole or not there."""

    lines: Sequence[str] = ("verify",)
    files: Sequence[str] = ()
    images: int = 600

    def set_up(self, place: Path, bundle: Path | None = None) -> None:
        self.place, self.bundle = place, bundle_in(place, bundle)
        self.digest = tree_digest(self.bundle)
        photographs(place / "many", self.images, seed=3, classes=[""])  # labels would have to be those of the bundle
        self.duration_s = timed(self.command(), place)

    def before(self, *, old: bool) -> None:
        del old

    def command(self) -> list[str]:
        return [*TINY, "verify", str(self.bundle), "--evaluation", "many", "--workers", "2", "--json"]

    def found(self, stdout: str) -> str:
        if tree_digest(self.bundle) != self.digest:
            return MIXTURE
        if not stdout:
            return NONE
        try:
            return NEW if json.loads(stdout)["samples"] == self.images else MIXTURE
        except ValueError:
            return MIXTURE

    def leftovers(self) -> list[str]:
        return [each for each in others(self.place, set()) if each.startswith(".")]

    def clean(self) -> None:
        pass


SCENARIOS: dict[str, type[Scenario]] = {"quantize": Quantize, "verify": Verify, "package": Package}

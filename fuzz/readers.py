"""Every reader of levit-edge: by name, what makes its `Reader` from a bundle of the demo."""

import hashlib
import io
import json
import os
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from fuzz.board_answers import bench_stream, evaluation_stream, hello
from fuzz.mutate_bytes import BYTES, Mutation
from fuzz.mutate_json import JSON
from fuzz.mutate_models import ONNX, PICKLE, PTE, SAFETENSORS
from fuzz.mutate_toml import changed_line
from fuzz.mutate_zip import ZIP, content_mutation
from fuzz.reader import Reader, written
from fuzz.sweep_readers import SWEEP_READERS
from levit_edge import demo
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import MANIFEST_FILE, Bundle
from levit_edge.data.preprocess import Preprocessing
from levit_edge.device.image import crop_square, open_image
from levit_edge.documents import from_json, parse_json, to_json
from levit_edge.errors import LevitEdgeError, QuantizationError

if TYPE_CHECKING:
    from levit_edge.quantize.kept import Kept

__all__ = ["READERS"]

TEXT: tuple[Mutation, ...] = BYTES


# --- checkpoints -----------------------------------------------------------------------------------------------------


def _weights() -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(demo.checkpoint_path())


def _saved(value: object, *, zipped: bool) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _checkpoint_seeds(*, zipped: bool) -> list[bytes]:
    """A whole checkpoint, and a small one of another network, of which the unpickler has less to do."""
    import argparse

    import torch

    small = {
        "a.weight": torch.ones(3, 2),
        "b": torch.zeros(2, dtype=torch.int64)[1:],
        "c": torch.nn.Parameter(torch.ones(2)),
    }
    training = {
        "model": small,
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, name="x"),
        "optimizer": {"state": {0: small}},
    }
    return [_saved({"model": _weights()}, zipped=zipped), *[_saved(training, zipped=zipped)] * 7]


def _read_checkpoint(data: bytes, folder: Path) -> None:
    """As `quantize` and `inspect` do. Another network is refused; that is as good as accepted."""
    from levit_edge.model.checkpoint import read_checkpoint

    path = written(folder, "weights", data)
    try:
        read_checkpoint(path)
    except LevitEdgeError as error:
        if "another architecture" not in str(error):
            raise


def torch_zip(_bundle: Path) -> Reader:
    pickled = content_mutation(*PICKLE, names=("data.pkl",))
    return Reader(
        name="torch-zip",
        seeds=_checkpoint_seeds(zipped=True),
        mutations=(*[pickled] * 50, *ZIP),
        read=_read_checkpoint,
    )


def torch_legacy(_bundle: Path) -> Reader:
    def changed_pickles(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
        """The pickles at the beginning changed by instruction, and the storages as they were."""
        import pickletools

        stream = io.BytesIO(data)
        parts = []
        try:
            for _ in range(5):
                start = stream.tell()
                for _each in pickletools.genops(stream):
                    pass
                parts.append(data[start : stream.tell()])
        except ValueError:
            return data
        at = chance.choice((3, 3, 3, chance.randrange(5)))
        parts[at] = chance.choice(PICKLE)(chance, parts[at], [parts[at]])
        return b"".join(parts) + data[stream.tell() :]

    return Reader(
        name="torch-legacy",
        seeds=_checkpoint_seeds(zipped=False),
        mutations=(*[changed_pickles] * 30, *BYTES),
        read=_read_checkpoint,
    )


def safetensors(_bundle: Path) -> Reader:
    from safetensors.torch import save
    from torch import ones

    labels = {"labels": json.dumps([f"class {index}" for index in range(10)])}
    small = {"a.weight": ones(3, 2), "b.bias": ones(2)}
    seeds = [save(_weights(), metadata=labels), *[save(small, metadata=labels)] * 5]
    return Reader(name="safetensors", seeds=seeds, mutations=SAFETENSORS, read=_read_checkpoint)


def hub_config(_bundle: Path) -> Reader:
    """A config.json beside the weights of a demo, in Transformers' words and in timm's."""
    from levit_edge.model.config import CONFIGS
    from levit_edge.model.hub_config import _expected, read_hub_config

    stated = _expected(CONFIGS["demo"])
    names = {str(index): f"class {index}" for index in range(10)}
    transformers = {"model_type": "levit", "architectures": ["LevitForImageClassification"], "id2label": names} | stated
    timm = {"architecture": "levit_128s", "num_classes": 10, "pretrained_cfg": {"label_names": list(names.values())}}
    weights = demo.checkpoint_path().read_bytes()

    def read(data: bytes, folder: Path) -> None:
        written(folder, "config.json", data)
        written(folder, "model.safetensors", weights)
        found = read_hub_config(folder)
        _ = found.labels
        found.check(CONFIGS["demo"])

    def read_accepting(data: bytes, folder: Path) -> None:
        """The one of timm is of another size than the demo; that is said."""
        try:
            read(data, folder)
        except LevitEdgeError as error:
            if "LeViT-demo" not in str(error):
                raise

    seeds = [json.dumps(each).encode() for each in (transformers, timm)]
    return Reader(name="hub-config", seeds=seeds, mutations=JSON, read=read_accepting)


# --- bundles ---------------------------------------------------------------------------------------------------------


class _BundleFolder:
    """A bundle whose models are cut off, as they are not run, and which has one golden image: quick to read.

    One of its files can be another; the manifest then has its hash.
    """

    def __init__(self, bundle: Path) -> None:
        self.files = {path.name: path.read_bytes() for path in bundle.iterdir() if path.is_file()}
        with np.load(io.BytesIO(self.files["golden.npz"])) as arrays:
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **{name: arrays[name][:1] for name in arrays.files})
        self.files |= self.with_file("golden.npz", buffer.getvalue())
        for name in [name for name in self.files if name.endswith((".pte", ".onnx"))]:
            self.files |= self.with_file(name, self.files[name][:1000])

    def write(self, folder: Path, changed: Mapping[str, bytes]) -> Path:
        place = folder / "keep-bundle"
        if not place.is_dir():
            place.mkdir()
            for name, data in self.files.items():
                (place / name).write_bytes(data)
        for name in self.files:
            data = changed.get(name, self.files[name])
            if name in changed or name == MANIFEST_FILE:
                (place / name).write_bytes(data)
        return place

    def with_file(self, name: str, data: bytes) -> dict[str, bytes]:
        digest = hashlib.sha256(data).hexdigest()
        document = json.loads(self.files[MANIFEST_FILE])
        document["files"][name] = digest
        for artifact in document["artifacts"]:
            if artifact["file"] == name:
                artifact |= {"sha256": digest, "size_bytes": len(data)}
        return {name: data, MANIFEST_FILE: json.dumps(document).encode()}


def _use_bundle(path: Path) -> None:
    """All that is read of a bundle without a runtime, up to the package that is made of it."""
    from levit_edge.board.measure import model_under_test
    from levit_edge.bundle.reader import bundle_files
    from levit_edge.package.contents import Purpose
    from levit_edge.package.pack import pack

    bundle_files(path)
    bundle = Bundle.open(path)
    bundle.labels()
    bundle.golden()
    model_under_test(bundle)
    json.dumps(to_json(bundle.manifest))
    pack(bundle, Purpose.ANDROID)


def manifest(bundle: Path) -> Reader:
    folder = _BundleFolder(bundle)
    return Reader(
        name="manifest",
        seeds=[folder.files[MANIFEST_FILE]],
        mutations=JSON,
        read=lambda data, scratch: _use_bundle(folder.write(scratch, {MANIFEST_FILE: data})),
    )


def golden(bundle: Path) -> Reader:
    folder = _BundleFolder(bundle)
    return Reader(
        name="golden",
        seeds=[folder.files["golden.npz"]],
        mutations=(*ZIP, *[content_mutation(*BYTES)] * 20),
        read=lambda data, scratch: _use_bundle(folder.write(scratch, folder.with_file("golden.npz", data))),
    )


def labels(bundle: Path) -> Reader:
    folder = _BundleFolder(bundle)
    return Reader(
        name="labels",
        seeds=[folder.files["labels.txt"]],
        mutations=TEXT,
        read=lambda data, scratch: _use_bundle(folder.write(scratch, folder.with_file("labels.txt", data))),
    )


def evidence(bundle: Path) -> Reader:
    """What a bundle keeps for its report; what is accepted becomes a page."""
    from levit_edge.report.bundle_page import bundle_page
    from levit_edge.report.evidence import EVIDENCE_FILE

    folder = _BundleFolder(bundle)
    return Reader(
        name="evidence",
        seeds=[folder.files[EVIDENCE_FILE]],
        mutations=JSON,
        read=lambda data, scratch: bundle_page(
            Bundle.open(folder.write(scratch, folder.with_file(EVIDENCE_FILE, data)))
        ),
    )


def recipe(bundle: Path) -> Reader:
    from levit_edge.bundle.recipe import Recipe

    stored = json.loads((bundle / MANIFEST_FILE).read_bytes())["recipe"]
    return Reader(
        name="recipe",
        seeds=[json.dumps(stored | {"float_layers": ["stem.*", "head"]}).encode()],
        mutations=JSON,
        read=lambda data, _: from_json(Recipe, parse_json(data, QuantizationError, "it"), QuantizationError, "it"),
    )


# --- packages --------------------------------------------------------------------------------------------------------


def _packages(bundle: Path) -> list[bytes]:
    from levit_edge.package.contents import Purpose
    from levit_edge.package.pack import pack

    with tempfile.TemporaryDirectory() as scratch:
        opened = Bundle.open(_BundleFolder(bundle).write(Path(scratch), {}))
        return [pack(opened, purpose) for purpose in Purpose]


def _read_package(data: bytes, folder: Path) -> None:
    from levit_edge.package.package import Package, is_package, read_package_file

    path = written(folder, "package.zip", data)
    is_package(path)
    Package.parse(read_package_file(path), str(path))


def package(bundle: Path) -> Reader:
    return Reader(name="package", seeds=_packages(bundle), mutations=ZIP, read=_read_package)


def package_document(bundle: Path) -> Reader:
    from levit_edge.package.contents import DOCUMENT_FILE

    return Reader(
        name="package-document",
        seeds=_packages(bundle),
        mutations=(content_mutation(*JSON, names=(DOCUMENT_FILE,)),),
        read=_read_package,
    )


def signature(bundle: Path) -> Reader:
    """A public key in PEM, a line, and a signature in hexadecimal."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    from levit_edge.package.signature import check_signature, load_private_key

    signed = (bundle / "labels.txt").read_bytes()
    encoding = serialization.Encoding.PEM
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    seeds = []
    for key in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())):
        public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        made = key.sign(signed) if isinstance(key, ed25519.Ed25519PrivateKey) else bytes(64)
        seeds.append(public + b"--\n" + made + b"--\n" + key.private_bytes(encoding, *form))

    def read(data: bytes, folder: Path) -> None:
        public, _, rest = data.partition(b"--\n")
        made, _, private = rest.partition(b"--\n")
        path = written(folder, "labels.txt", signed)
        written(folder, "labels.txt.sig", made)
        refused: list[LevitEdgeError] = []
        for attempt in (
            lambda: load_private_key(written(folder, "key", private)),
            lambda: check_signature(path, signed, written(folder, "pub", public)),
        ):
            try:
                attempt()
            except LevitEdgeError as error:
                refused.append(error)
        if refused and data not in seeds:
            raise refused[-1]

    return Reader(name="signature", seeds=seeds, mutations=BYTES, read=read)


# --- boards ----------------------------------------------------------------------------------------------------------


def measurement(_bundle: Path) -> Reader:
    from fuzz.board_answers import measured
    from levit_edge.benchmark.comparison import comparison_rows
    from levit_edge.benchmark.files import load_measurements, shareable
    from levit_edge.report.boards_page import boards_page

    def read(data: bytes, folder: Path) -> None:
        (found,) = load_measurements([written(folder, "m.json", data)])
        shareable(found)
        boards_page([found], comparison_rows([found]))

    return Reader(
        name="measurement", seeds=[json.dumps(to_json(each)).encode() for each in measured()], mutations=JSON, read=read
    )


def sweep_results(bundle: Path) -> Reader:
    """A sweep of the bundle's model, shown as the terminal and the page show it."""
    from rich.console import Console

    from fuzz.board_answers import measured
    from levit_edge.benchmark.measurement import Latency
    from levit_edge.cli.show.sweep import sweep_table
    from levit_edge.sweep.outcome.page import sweep_page
    from levit_edge.sweep.outcome.results import Candidate, SweepResults, TaskCounts
    from levit_edge.sweep.outcome.saved import RESULTS, read_results
    from levit_edge.sweep.plan import Calibration, CheckpointSource, Evaluation, Gates, SweepPlan

    manifest = Bundle.open(bundle).manifest
    made = Candidate(
        checkpoint="demo",
        recipe="default",
        size="demo",
        classes=10,
        artifacts=manifest.artifacts,
        verification=manifest.verification,
        latency={each.file: Latency(p50=2.0, p90=2.5, p99=3.0, min=1.5) for each in manifest.artifacts},
        front=tuple(Runtime),
        winner=True,
    )
    results = SweepResults(
        levit_edge_version="0.1.0",
        created_utc="2026-11-20T12:00:00+00:00",
        plan=SweepPlan(
            checkpoints=(CheckpointSource(size="demo"),),
            calibration=Calibration(images="train"),
            evaluation=Evaluation(images="val"),
            gates=Gates(max_drop_pt=1.0, max_int8_bytes=10**6),
        ),
        environment={"processor": "a processor"},
        engine="this machine",
        seconds=60.0,
        tasks={"evaluate": TaskCounts(done=1, seconds=30.0)},
        candidates=(made, Candidate(checkpoint="other", recipe="default", problems=("it broke",))),
        device=measured()[0].device,
    )

    def read(data: bytes, folder: Path) -> None:
        written(folder, RESULTS, data)
        found = read_results(str(folder))
        sweep_table(found, Console(file=io.StringIO(), width=80))
        sweep_page(found)

    return Reader(name="sweep-results", seeds=[json.dumps(to_json(results)).encode()], mutations=JSON, read=read)


class _Recorded:
    """The way to a board that says what is in a file, whatever it is asked."""

    name = "board"
    emulator: str | None = None

    def __init__(self, stream: Path) -> None:
        self._stream = stream

    def command(self, _boot: Sequence[str]) -> list[str]:
        return ["cat", str(self._stream)]

    def explain(self, status: int, stderr: str) -> str:
        return f"{status} {stderr}"


def _frames(data: bytes) -> tuple[bytes, list[bytes]] | None:
    from levit_edge.device.agent import GREETING

    if not data.startswith(GREETING):
        return None
    found, at = [], len(GREETING)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        found.append(data[at + 8 : at + 8 + min(length, len(data))])
        at += 8 + length
    return GREETING, found


def _changed_frame(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """One answer changed, left out, said twice or in another place; its length is right."""
    parsed = _frames(data)
    if parsed is None or not parsed[1]:
        return data
    greeting, frames = parsed
    at = chance.randrange(len(frames))
    choice = chance.random()
    if choice < 0.8:
        frames[at] = chance.choice(JSON)(chance, frames[at], frames)
    elif choice < 0.87:
        del frames[at]
    elif choice < 0.94:
        frames.insert(chance.randrange(len(frames)), frames[at])
    else:
        frames.insert(
            at, chance.choice((b'{"progress": "x"}', b'{"alive": true}', b'{"error": {"kind": "disk"}}', b"", b"{}"))
        )
    return greeting + b"".join(struct.pack("<Q", len(each)) + each for each in frames)


STREAM: tuple[Mutation, ...] = (*[_changed_frame] * 30, *BYTES)


def board_bench(bundle: Path) -> Reader:
    from levit_edge.board.measure import Plan, measure

    slim, stream = _BundleFolder(bundle), bench_stream(Bundle.open(bundle))

    def read(data: bytes, folder: Path) -> None:
        opened = Bundle.open(slim.write(folder, {}))
        found = measure(opened, _Recorded(written(folder, "stream", data)), Plan(runs=4, threads=(1,)))
        json.dumps(to_json(found))

    return Reader(name="board-bench", seeds=[stream], mutations=STREAM, read=read, programs=True)


def board_evaluation(bundle: Path) -> Reader:
    from levit_edge.board.evaluate import verify_on

    slim, stream = _BundleFolder(bundle), evaluation_stream(Bundle.open(bundle), 2)

    def read(data: bytes, folder: Path) -> None:
        opened = Bundle.open(slim.write(folder, {}))
        os.environ["LEVIT_EDGE_CACHE"] = str(folder / "cache")
        found = verify_on(opened, _Recorded(written(folder, "stream", data)), demo.evaluation_dir(), limit=2, workers=0)
        json.dumps(to_json(found.verification))

    return Reader(name="board-evaluation", seeds=[stream], mutations=STREAM, read=read, programs=True)


def board_facts(_bundle: Path) -> Reader:
    """What a board says of itself, and what it has."""
    from levit_edge.board.facts.device import describe_device, describe_state
    from levit_edge.board.packages import python_version, require_packages, requirements

    def read(data: bytes, _folder: Path) -> None:
        document = parse_json(data, QuantizationError, "it")
        for each in (document, *(document.values() if isinstance(document, dict) else ())):
            json.dumps(to_json([describe_device(each), describe_state(each)]))
        if isinstance(document, dict):
            python_version(document)
            requirements(document, list(Runtime))
            require_packages("board", document, None, list(Runtime))

    return Reader(name="board-facts", seeds=[json.dumps(hello()).encode()], mutations=JSON, read=read)


def cpuinfo(_bundle: Path) -> Reader:
    from levit_edge.board.facts.cpuinfo import read_cpuinfo

    arm = "".join(
        f"processor\t: {core}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd asimdhp asimddp\nCPU implementer\t: 0x41\n"
        "CPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n\n"
        for core in range(4)
    )
    here = Path("/proc/cpuinfo").read_bytes()
    return Reader(
        name="cpuinfo",
        seeds=[arm.encode(), here],
        mutations=BYTES,
        read=lambda data, _: read_cpuinfo(data.decode("utf-8", "replace")),
    )


def android_benchmark(_bundle: Path) -> Reader:
    from fuzz.board_answers import APP_FAILURE, APP_RESULT
    from levit_edge.board.android.benchmark import read_app_benchmark

    def read(data: bytes, _folder: Path) -> None:
        try:
            read_app_benchmark(data, APP_RESULT["nonce"], "phone")
        except LevitEdgeError as error:
            if "could not measure: no model" not in str(error):
                raise

    seeds = [json.dumps(each).encode() for each in (APP_RESULT, APP_RESULT, APP_FAILURE)]
    return Reader(name="android-benchmark", seeds=seeds, mutations=JSON, read=read)


def fleet(_bundle: Path) -> Reader:
    from levit_edge.board.fleet import read_fleet
    from levit_edge.board.transports.target import open_target

    first = '[[board]]\non = "ssh://pi@raspberrypi.local:22"\nthreads = [1, 4]\npython = "/opt/python3"\n'
    text = f'{first}\n[[board]]\non = "adb:1"\n'
    tokens = (
        "[[board]]",
        "[board]",
        "on = 1",
        "threads = [0]",
        "threads = [-1, 1e99]",
        'on = "adb"',
        "x" * 9999,
        "[" * 2000,
    )

    def read(data: bytes, folder: Path) -> None:
        for board in read_fleet(written(folder, "fleet.toml", data)):
            if not board.on.startswith(("qemu", "adb")):
                open_target(board.on, python=board.python, ssh_config=None)

    return Reader(name="fleet", seeds=[text.encode()], mutations=(*[changed_line(tokens)] * 10, *BYTES), read=read)


# --- work that was cut off -------------------------------------------------------------------------------------------


def _kept(folder: Path) -> "Kept":
    """The results of a run that was cut off. What levit-edge warns of and makes anew is a refusal here."""
    from levit_edge.quantize.kept import Kept

    def warn(message: str) -> None:
        if "damaged" in message:
            raise QuantizationError(message)

    return Kept({}, warn, folder)


def search_state(_bundle: Path) -> Reader:
    from levit_edge.bundle.manifest import Trial
    from levit_edge.data.imagefolder import ImageSet
    from levit_edge.quantize.analysis.search_state import WHAT, SearchState
    from levit_edge.quantize.kept import ordered_digest

    paths = tuple(sorted(demo.evaluation_dir().glob("*/*.jpg")))[:2]
    images = ImageSet(root=demo.evaluation_dir(), images=paths, labels=None, class_names=None)
    trial = Trial(
        moves=1,
        samples=10,
        flips_lost=1,
        flips_gained=0,
        drop_pt=1.0,
        standard_error_pt=0.5,
        agreement=99.0,
        sqnr_db=30.0,
    )
    state = {"moves": [{"layer": "head", "scheme": "float"}], "trials": [to_json(trial)], "bad": {"1": "no picture"}}

    def read(data: bytes, folder: Path) -> None:
        with _kept(folder) as kept:
            kept.keep(WHAT, ordered_digest(images), data)
            SearchState(kept, images)

    return Reader(name="search-state", seeds=[json.dumps(state).encode()], mutations=JSON, read=read)


def kept_plan(_bundle: Path) -> Reader:
    """The calibrated network that an interrupted `quantize` has kept."""
    from levit_edge.bundle.recipe import Recipe
    from levit_edge.data.imagefolder import read_image_folder
    from levit_edge.model.checkpoint import read_checkpoint
    from levit_edge.model.fuse import fuse
    from levit_edge.quantize.calibration.calibration_images import CalibrationImages
    from levit_edge.quantize.kept_plan import plan_from_bytes, plan_to_bytes
    from levit_edge.quantize.plan import make_plan
    from levit_edge.system.progress import Stages

    trained = read_checkpoint(demo.checkpoint_path())
    deploy = fuse(trained.model)
    images = CalibrationImages(
        read_image_folder(demo.calibration_dir(), classes=None).select(range(4)),
        Preprocessing.from_config(trained.config),
        skip_bad_images=False,
        workers=0,
    )
    seed = plan_to_bytes(make_plan(deploy, images, Recipe(), Stages(None)), images)
    return Reader(
        name="kept-plan",
        seeds=[seed],
        mutations=SAFETENSORS,
        read=lambda data, _: plan_from_bytes(data, deploy, images),
    )


def partial_evaluation(_bundle: Path) -> Reader:
    from levit_edge.board.partial import PartialEvaluation
    from levit_edge.runtime.evaluation.evaluator import Answer
    from levit_edge.runtime.evaluation.worker import pack_answer
    from levit_edge.system.result_cache import Unfinished

    answers: list[Answer | str] = [Answer(logits=np.ones((2, 10), np.float32), seconds=(0.1, 0.2)), "an empty file"] * 3
    stream = b"".join(struct.pack("<Q", len(each)) + each for each in (pack_answer(answer) for answer in answers))

    def changed_answer(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
        if len(data) < 8:
            return data
        (length,) = struct.unpack_from("<Q", data)
        line, _, values = data[8 : 8 + min(length, len(data))].partition(b"\n")
        frame = chance.choice(JSON)(chance, line, [line]) + b"\n" + values
        return struct.pack("<Q", len(frame)) + frame + data[8 + length :]

    def read(data: bytes, folder: Path) -> None:
        kept = Unfinished({}, folder).path
        kept.mkdir(exist_ok=True)
        written(kept, "answers", data)
        with PartialEvaluation({}, (2, 10), folder) as partial:
            for each in partial.answers:
                if isinstance(each, Answer):
                    np.argmax(each.logits)
                    sum(each.seconds)

    return Reader(name="partial-evaluation", seeds=[stream], mutations=(*[changed_answer] * 10, *BYTES), read=read)


# --- images ----------------------------------------------------------------------------------------------------------


def image(_bundle: Path) -> Reader:
    """Small photographs in all formats and many modes; no worker process, as it is Pillow that reads."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    rgb = Image.fromarray(pixels)
    photograph = Image.open(next(iter(sorted(demo.evaluation_dir().glob("*/*.jpg"))))).resize((64, 48))
    forms: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG", photograph, {}),
        ("JPEG", photograph, {"progressive": True, "quality": 30}),
        ("JPEG", rgb.convert("CMYK"), {}),
        ("PNG", rgb, {}),
        ("PNG", rgb.convert("P"), {}),
        ("PNG", rgb.convert("LA"), {}),
        ("PNG", Image.fromarray(pixels[..., 0].astype(np.uint16) << 8), {}),
        ("GIF", rgb.convert("P"), {"save_all": True, "append_images": [photograph.convert("P")]}),
        ("BMP", rgb, {}),
        ("BMP", rgb.convert("1"), {}),
        ("WEBP", photograph, {}),
        ("WEBP", rgb, {"lossless": True}),
        ("TIFF", rgb, {}),
        *(("TIFF", rgb, {"compression": each}) for each in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")),
    ]
    seeds = []
    for form, picture, options in forms:
        buffer = io.BytesIO()
        picture.save(buffer, form, **options)
        seeds.append(buffer.getvalue())

    def chunk_with_sum(chance: Random, data: bytes, all_seeds: Sequence[bytes]) -> bytes:
        """A PNG's chunk changed, and its checksum right."""
        import zlib

        if not data.startswith(b"\x89PNG"):
            return chance.choice(BYTES)(chance, data, all_seeds)
        at, chunks = 8, []
        while at + 12 <= len(data):
            (length,) = struct.unpack_from(">I", data, at)
            chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
            at += 12 + length
        if not chunks:
            return data
        index = chance.randrange(len(chunks))
        kind, content = chunks[index]
        chunks[index] = (
            chance.choice((kind, kind, kind, b"tRNS", b"PLTE", b"acTL")),
            chance.choice(BYTES)(chance, content, [content]),
        )
        return data[:8] + b"".join(
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
            for kind, content in chunks
        )

    protocol = Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))

    def read(data: bytes, folder: Path) -> None:
        crop_square(open_image(written(folder, "image", data)), protocol.resize, protocol.image_size)

    return Reader(name="image", seeds=seeds, mutations=(*[chunk_with_sum] * 3, *BYTES), read=read)


# --- model files -----------------------------------------------------------------------------------------------------


def _small_onnx() -> bytes:
    """A convolution, a quantized product, a shape computed from a tensor: 20 nodes instead of a thousand."""
    from onnx import TensorProto, helper, numpy_helper

    chance = np.random.default_rng(0)
    weights = {
        "kernel": chance.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "matrix": chance.integers(-99, 99, (4, 10)).astype(np.int8),
        "scale": np.float32(0.01),
        "zero": np.int8(0),
        "shape": np.array([1, 4], np.int64),
    }
    nodes: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("Conv", ["image", "kernel"], ["conv"], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("HardSwish", ["conv"], ["active"], {}),
        ("GlobalAveragePool", ["active"], ["pooled"], {}),
        ("Reshape", ["pooled", "shape"], ["flat"], {}),
        ("QuantizeLinear", ["flat", "scale", "zero"], ["q"], {}),
        ("DequantizeLinear", ["q", "scale", "zero"], ["dq"], {}),
        ("DequantizeLinear", ["matrix", "scale", "zero"], ["float matrix"], {}),
        ("MatMul", ["dq", "float matrix"], ["logits"], {}),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, outputs, **more) for kind, inputs, outputs, more in nodes],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 128, 128])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    return bytes(model.SerializeToString())


def _small_pte() -> bytes:
    """A convolution and a linear, each in an XNNPACK delegate of its own, and a sum between them."""
    import warnings

    import torch

    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = torch.nn.Conv2d(3, 4, 3, stride=16), torch.nn.Linear(4, 10)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.linear(torch.cumsum(self.conv(image).mean((2, 3)), 1))
            return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.export(Small().eval(), (torch.zeros(1, 3, 128, 128),))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return bytes(lowered.to_executorch().buffer)


def onnx_facts(bundle: Path) -> Reader:
    from levit_edge.runtime.inspect.onnx import inspect_onnx

    return Reader(
        name="onnx-facts",
        seeds=[(bundle / "int8.onnx").read_bytes(), _small_onnx(), _small_onnx()],
        mutations=ONNX,
        read=lambda data, _: json.dumps(to_json(inspect_onnx(data))),
    )


def onnx_optimised(bundle: Path) -> Reader:
    from levit_edge.runtime.inspect.onnxruntime import inspect_onnxruntime

    return Reader(
        name="onnx-optimised",
        seeds=[(bundle / "int8.onnx").read_bytes(), *[_small_onnx()] * 4],
        mutations=ONNX,
        read=lambda data, _: json.dumps(to_json(inspect_onnxruntime(data))),
        native=True,
    )


def pte_facts(bundle: Path) -> Reader:
    """ExecuTorch's own Python reader, which has `flatc` turn a file into JSON."""
    from levit_edge.runtime.inspect.executorch import inspect_executorch

    return Reader(
        name="pte-facts",
        seeds=[(bundle / "int8.pte").read_bytes(), *[_small_pte()] * 9],
        mutations=PTE,
        read=lambda data, _: json.dumps(to_json(inspect_executorch(data))),
        native=True,
        programs=True,
    )


def _run(runtime: Runtime, protocol: Preprocessing) -> Callable[[bytes, Path], None]:
    """What `levit_edge.runtime.evaluation.worker` does with a file: load it, run it on zeros, and on another input."""
    from levit_edge.runtime.evaluation.evaluator import Evaluator, Model

    values = np.random.default_rng(0).normal(size=(3, protocol.image_size, protocol.image_size)).astype(np.float32)

    def read(data: bytes, _folder: Path) -> None:
        evaluator = Evaluator(protocol)
        evaluator.add(Model(file="model", runtime=runtime, data=data, classes=10))
        evaluator.answer(values)

    return read


def onnx_run(bundle: Path) -> Reader:
    return Reader(
        name="onnx-run",
        seeds=[(bundle / "int8.onnx").read_bytes(), *[_small_onnx()] * 4],
        mutations=ONNX,
        read=_run(Runtime.ONNXRUNTIME, Bundle.open(bundle).manifest.preprocessing),
        native=True,
    )


def pte_run(bundle: Path) -> Reader:
    return Reader(
        name="pte-run",
        seeds=[(bundle / "int8.pte").read_bytes(), *[_small_pte()] * 2],
        mutations=PTE,
        read=_run(Runtime.EXECUTORCH, Bundle.open(bundle).manifest.preprocessing),
        native=True,
    )


READERS: dict[str, Callable[[Path], Reader]] = {
    "torch-zip": torch_zip,
    "torch-legacy": torch_legacy,
    "safetensors": safetensors,
    "hub-config": hub_config,
    "recipe": recipe,
    "manifest": manifest,
    "golden": golden,
    "labels": labels,
    "evidence": evidence,
    "package": package,
    "package-document": package_document,
    "signature": signature,
    "measurement": measurement,
    "sweep-results": sweep_results,
    "board-bench": board_bench,
    "board-evaluation": board_evaluation,
    "board-facts": board_facts,
    "cpuinfo": cpuinfo,
    "android-benchmark": android_benchmark,
    "fleet": fleet,
    "search-state": search_state,
    "kept-plan": kept_plan,
    "partial-evaluation": partial_evaluation,
    "image": image,
    **SWEEP_READERS,
    "onnx-facts": onnx_facts,
    "onnx-optimised": onnx_optimised,
    "onnx-run": onnx_run,
    "pte-run": pte_run,
    "pte-facts": pte_facts,
}

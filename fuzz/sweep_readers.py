"""What a sweep reads: its plan, tar files of images, what its store has, and its results."""

import io
import json
from collections.abc import Callable
from pathlib import Path

from fuzz.mutate_bytes import BYTES
from fuzz.mutate_json import JSON
from fuzz.mutate_tar import TAR
from fuzz.mutate_toml import changed_line
from fuzz.reader import Reader, written
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.documents import to_json
from levit_edge.errors import SweepError

__all__ = ["SWEEP_READERS"]


def sweep_plan(_bundle: Path) -> Reader:
    from levit_edge.sweep.plan import read_plan

    text = """[[checkpoints]]
path = "weights/*.pth"
size = "128S"
[recipes.a]
schemes = ["static", "mixed"]
percentile = 99.9
[calibration]
images = "train"
[evaluation]
images = "s3://bucket/val-{000..099}.tar"
count = 50000
[gates]
max_drop_pt = 1.0
[latency]
on = "ssh://pi@raspberrypi.local"
[winner]
by = "latency"
"""
    tokens = (
        *(
            "[[checkpoints]]",
            "[recipes]",
            "[recipes.a]",
            "[gates]",
            "[limits]",
            "checkpoints = []",
            "schema_version = 9",
        ),
        *("count = 0", "max_drop_pt = nan", "max_drop_pt = inf", "seed = 1e400", "runs = -1", "schemes = [[]]"),
        *('scheme = "static"', 'path = "\\u0000"', 'path = ""', 'images = "~nobody/x"', "x" * 9999, "[" * 2000),
    )

    def read(data: bytes, folder: Path) -> None:
        read_plan(written(folder, "plan.toml", data))

    return Reader(name="sweep-plan", seeds=[text.encode()], mutations=(*[changed_line(tokens)] * 10, *BYTES), read=read)


def sweep_store(_bundle: Path) -> Reader:
    """A task's result; one that is damaged is none, which is a refusal here."""
    from levit_edge.sweep.tasks.result import Result, key_of
    from levit_edge.sweep.tasks.store import Store

    inputs, here = {"checkpoint": "ab" * 32}, {"torch": "2.13.0"}
    key = key_of("quantize", inputs, here)

    def path(folder: Path) -> Path:
        return folder / "results" / key[:2] / key

    def seed(folder: Path) -> bytes:
        store = Store(str(folder))
        store.keep("quantize", inputs, here, Result(value={"a": [1, None]}, blobs={"int8.pte": store.add(b"x")}))
        return path(folder).read_bytes()

    def read(data: bytes, folder: Path) -> None:
        seed(folder)
        path(folder).write_bytes(data)
        if Store(str(folder)).result(key) is None:
            raise SweepError("damaged")

    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        first = seed(Path(folder))
    return Reader(name="sweep-store", seeds=[first], mutations=JSON, read=read)


def tally(_bundle: Path) -> Reader:
    """What a file did on a shard."""
    import numpy as np

    from levit_edge.bundle.kinds import Precision, Runtime
    from levit_edge.bundle.manifest import Artifact
    from levit_edge.documents import from_json, to_json
    from levit_edge.runtime.evaluation.evaluator import Answer
    from levit_edge.runtime.evaluation.tally import Tallies, Tally

    artifacts = [
        Artifact(file=f"{each}.onnx", runtime=Runtime.ONNXRUNTIME, precision=each, size_bytes=1, sha256=each)
        for each in (Precision.FP32, Precision.INT8)
    ]
    tallies, chance = Tallies(artifacts), np.random.default_rng(0)
    for label in range(10):
        logits = chance.normal(size=(2, 10)).astype(np.float32)
        tallies.count(Answer(logits=logits, seconds=(0.25, 0.125)), label)
    seeds = [json.dumps(to_json(each)).encode() for each in tallies.by_artifact.values()]

    def read(data: bytes, _folder: Path) -> None:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise SweepError("not JSON") from error
        found = from_json(Tally, document, SweepError, "the tally")
        found.merge(from_json(Tally, document, SweepError, "the tally"))
        found.result(artifacts[-1])

    return Reader(name="tally", seeds=seeds, mutations=JSON, read=read)


def tar_shard(_bundle: Path) -> Reader:
    """WebDataset tar files, also compressed, and with headers of GNU and pax; changed headers get their checksums."""
    import gzip
    import tarfile

    from levit_edge.sweep.inputs.shard_index import index_shard
    from levit_edge.sweep.inputs.sources import list_shards

    def shard(form: int) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            for name in ("a/1.jpg", "a/1.cls", f"{'long/' * 30}2.png", f"{'long/' * 30}2.json"):
                content = {"cls": b"7", "json": b'{"label": 3}'}.get(name.rpartition(".")[2], name.encode() * 100)
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    def read(data: bytes, folder: Path) -> None:
        for found in list_shards(str(written(folder, "x.tar", data)), 1).shards:
            index_shard(found)

    plain = [shard(form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    seeds = [*plain, gzip.compress(plain[0], mtime=0)]
    return Reader(name="tar-shard", seeds=seeds, mutations=TAR, read=read)


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
    built = Candidate(
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
        candidates=(built, Candidate(checkpoint="other", recipe="default", problems=("it broke",))),
        device=measured()[0].device,
    )

    def read(data: bytes, folder: Path) -> None:
        written(folder, RESULTS, data)
        found = read_results(str(folder))
        sweep_table(found, Console(file=io.StringIO(), width=80))
        sweep_page(found)

    return Reader(name="sweep-results", seeds=[json.dumps(to_json(results)).encode()], mutations=JSON, read=read)


SWEEP_READERS: dict[str, Callable[[Path], Reader]] = {
    "sweep-results": sweep_results,
    "sweep-plan": sweep_plan,
    "sweep-store": sweep_store,
    "tally": tally,
    "tar-shard": tar_shard,
}

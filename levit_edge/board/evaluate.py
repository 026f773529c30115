"""Accuracy on the board itself: photographs are decoded here, and run through the bundle's files there.

They are sent in chunks, so that neither side holds more than two of them, and what came back is kept until the
evaluation is complete: after a lost connection the same call goes on where it stopped.
"""

import json
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levit_edge.benchmark.measurement import Device
from levit_edge.board.answers_so_far import (
    LostFileError,
    keep_answers,
    noting_a_lost_file,
    opened_cache,
    parts_kept,
    refuse_what_was_lost,
)
from levit_edge.board.facts.device import describe_device, float16_there
from levit_edge.board.float16 import without_float16
from levit_edge.board.packages import require_packages, runtimes_there
from levit_edge.board.session import Session
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact, Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import default_workers
from levit_edge.data.locations import Location
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.data.pool import read_squares
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import ordered_digest
from levit_edge.device.normalisation import normalisation_table
from levit_edge.documents import to_json
from levit_edge.errors import BoardError
from levit_edge.runtime.evaluation.evaluator import Answer
from levit_edge.runtime.evaluation.gate import NO_GATE, GateRules
from levit_edge.runtime.evaluation.verify import bundle_images, score
from levit_edge.system.host import package_versions, source_digest
from levit_edge.system.progress import Stages
from levit_edge.system.result_cache import ResultCache
from levit_edge.text import counted, text

__all__ = ["BoardVerification", "verify_on"]

CHUNK = 16
"""Photographs in one message: 2.4 MB at 224 pixels."""
AHEAD = 2
"""Chunks on their way: the board works on one while the next arrives."""
RESERVE = 1 << 20
LONGEST_S = 1e6
"""No board takes longer for one photograph."""


@dataclass(frozen=True, kw_only=True)
class BoardVerification:
    """What `verify_on` found."""

    verification: Verification
    resumed: int
    """Photographs that earlier, interrupted calls had evaluated."""
    absent: dict[Runtime, str]
    """Runtimes that the board has not, and how to get them: their files were not evaluated."""


def verify_on(
    bundle: Bundle,
    transport: Transport,
    evaluation: Path,
    *,
    runtimes: Sequence[Runtime] | None = None,
    options: ImageOptions = DEFAULTS,
    rules: GateRules = NO_GATE,
    timeout_s: float | None = None,
    stages: Stages | None = None,
) -> BoardVerification:
    """Run the bundle's files on the board over the images in the folder `evaluation`, like `runtime.evaluation.verify`.

    Without `runtimes` it is those that the board has. Each file has one thread, and a process of its own. One with
    float16 that fails there, at once or later, is left out, as nobody asked for it by name: the result says why.

    Raises:
        BoardError: the board cannot be reached, is lost, or lacks what it needs; or another process is at the same
            evaluation.
        OutputError: what came back cannot be kept.
        DataError: see `levit_edge.runtime.evaluation.verify.bundle_images`.
        BundleError: a file of the bundle is damaged, or it has no fp32 file to compare with.
    """
    images = bundle_images(bundle, evaluation, options, rules)
    once = partial(
        _verify_once,
        bundle,
        transport,
        images,
        source=str(evaluation),
        runtimes=runtimes,
        options=options,
        rules=rules,
        timeout_s=timeout_s,
        begun=time.monotonic(),
        stages=stages or Stages(),
    )
    failures: list[LostFileError] = []
    while True:  # each time in a session of its own: nobody knows what that of a failure is good for
        try:
            found = once({each.file: str(each) for each in failures})
        except LostFileError as lost:
            failures.append(lost)
        else:
            break
    for each in failures:
        each.forget()
    return replace(found, resumed=min((found.resumed, *(each.images for each in failures))))


def _verify_once(
    bundle: Bundle,
    transport: Transport,
    images: ImageSet,
    failed: Mapping[str, str],
    *,
    source: str,
    runtimes: Sequence[Runtime] | None,
    options: ImageOptions,
    rules: GateRules,
    timeout_s: float | None,
    begun: float,
    stages: Stages,
) -> BoardVerification:
    """`verify_on` without the files that have `failed`, for what reason; `begun` is when that was called.

    Raises:
        LostFileError: another one fails.
    """
    manifest = bundle.manifest
    preprocessing = replace(manifest.preprocessing, exif=options.exif)
    wanted = [each for each in manifest.artifacts if runtimes is None or each.runtime in runtimes]
    wanted = [each for each in wanted if each.file not in failed]
    needed = sum(each.size_bytes for each in wanted) + RESERVE
    with ExitStack() as stack:
        with stages.stage("connect"):
            session = stack.enter_context(Session(transport, needed_bytes=needed, timeout_s=timeout_s, begun=begun))
            hello = session.ask("hello")
        device = describe_device(hello.get("facts"), emulator=transport.emulator)
        left_out = without_float16(transport.name, wanted, float16_there(hello.get("facts")), slow_too=True)
        wanted = [each for each in wanted if each.file not in left_out]
        absent = require_packages(transport.name, hello, runtimes, dict.fromkeys(each.runtime for each in wanted))
        artifacts = [each for each in wanted if each.runtime in runtimes_there(hello)]
        for runtime in {each.runtime for each in artifacts}:
            bundle.artifact(runtime, Precision.FP32)
        with stages.stage("send", total=sum(each.size_bytes for each in artifacts)) as advance:
            for artifact in artifacts:
                session.put(artifact.file, bundle.read(artifact.file), advance)
            artifacts, packages, unopened = _open(session, artifacts, preprocessing)
        cache_of = partial(_cache, transport.name, packages, preprocessing, images)
        results = opened_cache(cache_of(artifacts), stack)
        refuse_what_was_lost(artifacts, results, len(images))
        earlier = sum(map(len, parts_kept(results)))
        board = _Board(session, artifacts, preprocessing, manifest.config.classes)
        with noting_a_lost_file(artifacts, results, earlier, cache_of):
            verification = score(
                artifacts,
                images,
                board.answers(images, results, options.processes(default_workers(len(images)))),
                source=source,
                runtimes=packages,
                host=_host(device),
                options=options,
                rules=rules.of_weights(manifest.config, manifest.checkpoint.sha256),
                stages=stages,
            )
        results.done()
    not_run = left_out | unopened | dict(failed)
    return BoardVerification(verification=replace(verification, not_run=not_run), resumed=earlier, absent=absent)


def _open(
    session: Session, artifacts: Sequence[Artifact], preprocessing: Preprocessing
) -> tuple[list[Artifact], dict[str, str], dict[str, str]]:
    """Open the files, those with float16 last and each for itself, as nobody asked for them by name.

    Returns:
        Those that are open, in order; runtime -> what runs it there, such as `1.4.0 (executorch-numpy-runtime)`; and
        file with float16 -> why it cannot be opened there.
    """
    opened = [each for each in artifacts if each.precision is not Precision.INT8_FLOAT16]
    versions = _packages(session, opened, preprocessing)
    failed: dict[str, str] = {}
    for artifact in artifacts:
        if artifact.precision is Precision.INT8_FLOAT16:
            try:
                versions |= _packages(session, [artifact], preprocessing)
                opened.append(artifact)
            except BoardError as error:
                failed[artifact.file] = str(error).rstrip(".")
    return opened, versions, failed


def _packages(session: Session, artifacts: Sequence[Artifact], preprocessing: Preprocessing) -> dict[str, str]:
    size = preprocessing.image_size
    answer = session.ask(
        "open",
        models=[{"file": each.file, "runtime": str(each.runtime)} for each in artifacts],
        shape=[1, 3, size, size],
        tables=normalisation_table(preprocessing.mean, preprocessing.std).tolist(),
    )
    packages = answer.get("packages")
    named = [text(each, 80) for each in packages] if isinstance(packages, list) else []
    if len(named) != len(artifacts):
        raise BoardError(f"{session.transport.name}: the board did not open {counted(len(artifacts), 'file')}.")
    versions = {}
    for artifact, package in zip(artifacts, named, strict=True):
        name, _, version = package.rpartition(" ")
        versions[str(artifact.runtime)] = version if name == artifact.runtime else f"{version} ({name})"
    return versions


def _cache(
    board: str,
    packages: Mapping[str, str],
    preprocessing: Preprocessing,
    images: ImageSet,
    artifacts: Sequence[Artifact],
) -> ResultCache:
    """Of the answers, by all that they depend on, and by how they are kept: photographs are decoded here."""
    inputs = {
        "board": board,
        "files": json.dumps([each.sha256 for each in artifacts]),
        "runtimes": json.dumps(dict(packages), sort_keys=True),
        "preprocessing": json.dumps(to_json(preprocessing), sort_keys=True),
        "images": ordered_digest(images),
        "levit-edge": source_digest(),
        "tools": json.dumps(package_versions(("numpy", "pillow"))),
    }
    return ResultCache(inputs)


def _host(device: Device) -> dict[str, str]:
    """As `levit_edge.system.host.describe_host` says it of this computer."""
    cores = ", ".join(f"{each.count} × {each.name}" for each in device.cores)
    return {
        "processor": f"{device.model}: {cores or 'unknown cores'}",
        "architecture": device.architecture,
        "cores": str(device.usable_cores),
        "system": device.system,
        "python": device.python,
    } | ({"emulator": device.emulator} if device.emulator else {})


class _Board:
    """The opened files on the board, and photographs on their way to them."""

    def __init__(
        self, session: Session, artifacts: Sequence[Artifact], preprocessing: Preprocessing, classes: int
    ) -> None:
        self._session, self._preprocessing = session, preprocessing
        self._files, self._classes = [each.file for each in artifacts], classes

    def answers(self, images: ImageSet, results: ResultCache, workers: int) -> Generator[Answer | str, None, None]:
        """For each image in order what the files made of it, or why it cannot be read; what is new is kept."""
        done = 0
        for answers in parts_kept(results):
            yield from answers
            done += len(answers)
        with closing(self._chunks(images.images[done:], workers)) as chunks:
            for answers in chunks:
                keep_answers(results, done, answers)
                done += len(answers)
                yield from answers

    def _chunks(self, images: Sequence[Location], workers: int) -> Generator[list[Answer | str], None, None]:
        waiting: list[list[str | None]] = []  # of each chunk under way: the reasons why images cannot be read
        with closing(read_squares(images, self._preprocessing, workers)) as squares:
            # what the decoder gives is good only until the next one is asked for
            copies = (each if isinstance(each, str) else each.copy() for each in squares)
            while chunk := list(islice(copies, CHUNK)):
                if good := [each for each in chunk if not isinstance(each, str)]:
                    self._session.request("infer", count=len(good))
                    self._session.send_bytes(np.stack(good).tobytes())
                waiting.append([each if isinstance(each, str) else None for each in chunk])
                if len(waiting) == AHEAD:
                    yield self._received(waiting.pop(0))
            for reasons in waiting:
                yield self._received(reasons)

    def _received(self, reasons: Sequence[str | None]) -> list[Answer | str]:
        good = sum(reason is None for reason in reasons)
        evaluated = iter(self._logits(good) if good else ())
        return [next(evaluated) if reason is None else reason for reason in reasons]

    def _logits(self, count: int) -> list[Answer]:
        seconds = self._session.answer().get("seconds")
        payload = self._session.payload()
        self._session.answer()
        models, classes = len(self._files), self._classes
        taken = _array(seconds, (models, count))
        whole = len(payload) == 4 * models * count * classes
        logits = np.frombuffer(payload if whole else b"", "<f4").astype(np.float32)
        if taken is None or not whole:
            raise BoardError(
                f"{self._session.transport.name}: the board's logits are not those of {counted(count, 'image')}."
            )
        logits = logits.reshape(models, count, classes)
        self._require_finite(logits)
        return [Answer(logits=logits[:, index], seconds=tuple(taken[:, index].tolist())) for index in range(count)]

    def _require_finite(self, logits: NDArray[np.float32]) -> None:
        for file, found in zip(self._files, logits, strict=True):
            if not np.isfinite(found).all():
                fault = BoardError(f"{self._session.transport.name}: {file} gives logits that are not finite numbers.")
                fault.file = file
                raise fault


def _array(values: Any, shape: tuple[int, int]) -> NDArray[np.float64] | None:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array.shape == shape and (array >= 0).all() and (array <= LONGEST_S).all() else None

"""Each step of `python -m benchmarks.arm` for one contender; whatever goes wrong becomes the reason in its row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmarks.arm.counting import count, emulator_for, logits_there
from benchmarks.arm.here import in_turn
from benchmarks.arm.results import Accuracy, Counted, Made, Timed
from benchmarks.arm.store import Store
from benchmarks.isolation import Isolated, reason_for
from benchmarks.speed.building import build_all, folder_for
from benchmarks.speed.contender import Contender, Engine, Product, Workshop
from benchmarks.speed.engines import Floats, opener
from benchmarks.speed.rows import faithfulness
from levit_edge.data.locations import Location
from levit_edge.errors import BoardError
from levit_edge.system.host import source_digest
from levit_edge.system.progress import StageListener

__all__ = ["EVALUATION", "EXPECTED", "FIRST_CPU", "HERE", "REFERENCE", "Measuring", "evaluation_images", "up_to_date"]

EVALUATION, EXPECTED = "evaluation.npy", "expected.npy"
FIRST_CPU = "cortex-a76"
"""Has float16; it says how accurate that is."""
HERE = "x86-64"
REFERENCE = Engine.EXECUTORCH, "executorch/ours int8 mixed"
"""Beside which files are timed on this machine: its engine, its key."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """What does not differ between contenders."""

    workshop: Workshop
    store: Store
    boards: Path
    """What scripts/board/setup.sh made."""
    runs: int
    float16_images: int
    """Of the evaluation's, on the emulated processor."""
    timeout_s: float
    """Of one process there."""
    listener: StageListener

    def made(self, contenders: Sequence[Contender]) -> dict[str, Made]:
        """Everybody's file; those that share a process are built together.

        What failed is tried again, and what another code of levit-edge exported is exported again.
        """
        found: dict[str, Made] = {}
        for _, group in groupby(sorted(contenders, key=_process), _process):
            known = {each: self._known(each) for each in group}
            found |= {each.key: made for each, made in known.items() if made}
            found |= self._built([each for each, made in known.items() if made is None])
        return found

    def accuracy(self, contender: Contender, made: Made) -> Accuracy:
        """What it computes: here, or where it has float16 as it will have there."""
        file = self.workshop.folder / made.file

        def find() -> Accuracy:
            where = FIRST_CPU if contender.float16 else HERE
            with self.listener.stage(f"look at {contender.key} on {where}", None):
                return self._there(contender.engine, file) if contender.float16 else self._here(contender.engine, file)

        return self.store.once(f"{contender.key}.accuracy", Accuracy, find)

    def counted(self, contender: Contender, made: Made, cpu: str) -> Counted:
        """Instructions of one inference on the processor `cpu`."""

        def find() -> Counted:
            emulator = emulator_for(cpu, self.boards)
            file, images = self.workshop.folder / made.file, self.workshop.folder / EVALUATION
            with self.listener.stage(f"count {contender.key} on {cpu}", None):
                try:
                    found = count(emulator, contender.engine, file, images, self.runs, self.timeout_s)
                except BoardError as error:
                    return Counted(reason=str(error))
            return Counted(main=found.main, elsewhere=found.elsewhere)

        return self.store.once(f"{contender.key}.{cpu}", Counted, find)

    def timed(self, contender: Contender, made: Made) -> Timed | None:
        """Processor time of one image here, beside the file `REFERENCE`; None if that was never made."""
        engine, key = REFERENCE
        reference = self.store.known(f"{key}.file", Made)
        if reference is None or reference.reason:
            return None
        files = [self.workshop.folder / each.file for each in (made, reference)]

        def find() -> Timed:
            with self.listener.stage(f"time {contender.key}", None):
                try:
                    with Isolated() as process:
                        ms, ratio = process.call(
                            in_turn, contender.engine, files[0], engine, files[1], self.workshop.folder / EVALUATION
                        )
                except Exception as error:  # an engine may raise anything
                    return Timed(reason=reason_for(error))
            return Timed(ms=round(ms, 3), ratio=round(ratio, 3))

        return self.store.once(f"{contender.key}.time", Timed, find)

    def _known(self, contender: Contender) -> Made | None:
        made = self.store.known(f"{contender.key}.file", Made)
        return made if made and not made.reason and up_to_date(made, contender) else None

    def _built(self, contenders: Sequence[Contender]) -> dict[str, Made]:
        built = build_all(contenders, self.workshop, self.listener)
        return {each.key: self._kept(each.key, self._made(each, built[each.key])) for each in contenders}

    def _kept(self, key: str, made: Made) -> Made:
        """What was found of a file holds for the same bytes; of that beside which all are timed, for all.

        It is kept when no file can be made, for the next one that has those bytes.
        """
        before = self.store.known(f"{key}.file", Made)
        if made.reason:
            made = replace(made, sha256=before.sha256 if before else "")
        elif before is None or before.sha256 != made.sha256:
            self.store.forget(f"{key}.*")
            if key == REFERENCE[1]:
                self.store.forget("*.time")
        return self.store.keep(f"{key}.file", made)

    def _made(self, contender: Contender, built: Product | str) -> Made:
        if isinstance(built, str):
            return Made(reason=built, source=_source(contender))
        return Made(
            file=str(built.file.relative_to(self.workshop.folder)),
            size_bytes=built.size_bytes,
            sha256=_digest(folder_for(contender, self.workshop)),
            note=built.note,
            source=_source(contender),
        )

    def _here(self, engine: Engine, file: Path) -> Accuracy:
        expected = np.load(self.workshop.folder / EXPECTED)
        try:
            with Isolated() as process:
                logits = process.call(_logits_here, engine, file, self.workshop.folder / EVALUATION)
        except Exception as error:  # an engine may raise anything
            return Accuracy(images=0, where=HERE, reason=reason_for(error))
        return _compared(expected, logits, HERE)

    def _there(self, engine: Engine, file: Path) -> Accuracy:
        emulator, images = emulator_for(FIRST_CPU, self.boards), self.workshop.folder / EVALUATION
        expected = np.load(self.workshop.folder / EXPECTED)[: self.float16_images]
        try:
            logits = logits_there(emulator, engine, file, images, len(expected), self.timeout_s)
        except BoardError as error:
            return Accuracy(images=0, where=FIRST_CPU, reason=str(error))
        return _compared(expected, logits, FIRST_CPU)


def up_to_date(made: Made, contender: Contender) -> bool:
    """Whether this code of levit-edge's made it, or a peer did."""
    return made.source == _source(contender)


def _source(contender: Contender) -> str:
    return source_digest() if contender.ours else ""


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256(b"".join(sha256(path.read_bytes()).digest() for path in files)).hexdigest()


def _process(contender: Contender) -> str:
    return contender.process


def _logits_here(engine: Engine, file: Path, images: Path) -> Floats:
    run = opener(engine, file, 1)()
    return np.stack([run(image[np.newaxis]) for image in np.load(images)])


def _compared(expected: Floats, logits: Floats, where: str) -> Accuracy:
    agreement, sqnr_db = faithfulness(expected, logits)
    reason = "" if agreement is not None else f"gives logits of shape {logits.shape}, expected {expected.shape}"
    return Accuracy(images=len(expected), where=where, sqnr_db=sqnr_db, agreement=agreement, reason=reason)


def evaluation_images(workshop: Workshop, paths: Sequence[Location], resize: int | None) -> None:
    """Decode images into the workshop, and run the checkpoint on them in torch, float32."""
    import torch

    from levit_edge.data.loader import Decoder
    from levit_edge.data.options import PreprocessingChanges
    from levit_edge.data.preprocess import Preprocessing

    trained = workshop.read()
    with Decoder(paths, Preprocessing.from_config(trained.config, PreprocessingChanges(resize=resize))) as decoder:
        images = np.stack([image for _, image in decoder])
    with torch.inference_mode():
        logits = np.concatenate([trained.model(torch.from_numpy(image[np.newaxis])).numpy() for image in images])
    np.save(workshop.folder / EVALUATION, images)
    np.save(workshop.folder / EXPECTED, logits)

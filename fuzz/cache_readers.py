"""What is kept of work that was cut off."""

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from fuzz.mutate_bytes import BYTES
from fuzz.mutate_json import JSON
from fuzz.mutate_models import SAFETENSORS
from fuzz.reader import Reader, written
from levit_edge import demo
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import to_json
from levit_edge.errors import QuantizationError

if TYPE_CHECKING:
    from levit_edge.quantize.stage_cache import StageCache

__all__ = ["CACHE_READERS"]


def _kept(folder: Path) -> "StageCache":
    """The results of a run that was cut off. What levit-edge warns of and makes anew is a refusal here."""
    from levit_edge.quantize.stage_cache import StageCache

    def warn(message: str) -> None:
        if "damaged" in message:
            raise QuantizationError(message)

    return StageCache({}, warn, folder)


def search_state(_bundle: Path) -> Reader:
    from levit_edge.bundle.manifest import Trial
    from levit_edge.data.imagefolder import ImageSet
    from levit_edge.data.sampling import ordered_digest
    from levit_edge.quantize.analysis.search import WHAT, SearchState

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
    from levit_edge.quantize.cached_calibration import calibrated_from_bytes, calibrated_to_bytes
    from levit_edge.quantize.calibration.calibrated import calibrate_network
    from levit_edge.system.progress import Stages

    trained = read_checkpoint(demo.checkpoint_path())
    deploy = fuse(trained.model)
    images = read_image_folder(demo.calibration_dir(), classes=None).select(range(4))
    preprocessing, options = Preprocessing.from_config(trained.config), ImageOptions(workers=0)
    seed = calibrated_to_bytes(calibrate_network(deploy, images, preprocessing, Recipe(), options, Stages(None)))
    return Reader(
        name="kept-plan",
        seeds=[seed],
        mutations=SAFETENSORS,
        read=lambda data, _: calibrated_from_bytes(data, deploy, images),
    )


def partial_evaluation(_bundle: Path) -> Reader:
    from levit_edge.board.partial import PartialEvaluation
    from levit_edge.runtime.evaluation.evaluator import Answer
    from levit_edge.runtime.evaluation.worker import pack_answer
    from levit_edge.system.result_cache import ResultCache

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
        kept = ResultCache({}, folder).path
        kept.mkdir(exist_ok=True)
        written(kept, "answers", data)
        with PartialEvaluation({}, (2, 10), folder) as partial:
            for each in partial.answers:
                if isinstance(each, Answer):
                    np.argmax(each.logits)
                    sum(each.seconds)

    return Reader(name="partial-evaluation", seeds=[stream], mutations=(*[changed_answer] * 10, *BYTES), read=read)


CACHE_READERS: dict[str, Callable[[Path], Reader]] = {
    "search-state": search_state,
    "kept-plan": kept_plan,
    "partial-evaluation": partial_evaluation,
}

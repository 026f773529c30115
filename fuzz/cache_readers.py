"""What is kept of work that was cut off."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
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
    from levit_edge.quantize.analysis.search import WHAT, SearchState, state_key

    paths = tuple(sorted(demo.evaluation_dir().glob("*/*.jpg")))[:2]
    images = ImageSet(root=demo.evaluation_dir(), images=paths, labels=None)
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
            kept.keep(WHAT, state_key(images), data)
            SearchState(kept, images)

    return Reader(name="search-state", seeds=[json.dumps(state).encode()], mutations=JSON, read=read)


def kept_plan(_bundle: Path) -> Reader:
    """The calibrated network that an interrupted `quantize` has kept."""
    from levit_edge.bundle.recipe import Recipe
    from levit_edge.data.image_set import calibration_images
    from levit_edge.model.checkpoint import read_checkpoint
    from levit_edge.model.fuse import fuse
    from levit_edge.quantize.cached_calibration import calibrated_from_bytes, calibrated_to_bytes
    from levit_edge.quantize.calibration.calibrated import calibrate_network
    from levit_edge.system.progress import Stages

    trained = read_checkpoint(demo.checkpoint_path())
    deploy = fuse(trained.model)
    images = calibration_images(demo.calibration_dir()).select(range(4))
    preprocessing, options = Preprocessing.from_config(trained.config), ImageOptions(workers=0)
    seed = calibrated_to_bytes(calibrate_network(deploy, images, preprocessing, Recipe(), options, Stages(None)))
    return Reader(
        name="kept-plan",
        seeds=[seed],
        mutations=SAFETENSORS,
        read=lambda data, _: calibrated_from_bytes(data, deploy, images),
    )


def partial_evaluation(_bundle: Path) -> Reader:
    from levit_edge.board.answers_so_far import keep_answers, parts_kept
    from levit_edge.runtime.evaluation.evaluator import Answer
    from levit_edge.system.result_cache import ResultCache

    answers: list[Answer | str] = [Answer(logits=np.ones((2, 10), np.float32), seconds=(0.1, 0.2)), "an empty file"] * 3
    with TemporaryDirectory() as folder, ResultCache({}, Path(folder)) as results:
        keep_answers(results, 0, answers)
        seed = (results.path / "0").read_bytes()

    def read(data: bytes, folder: Path) -> None:
        with ResultCache({}, folder) as results:
            written(results.path, "0", data)
            if data != seed and any(parts_kept(results)):
                raise ValueError("damaged answers were taken")

    return Reader(name="partial-evaluation", seeds=[seed], mutations=BYTES, read=read)


CACHE_READERS: dict[str, Callable[[Path], Reader]] = {
    "search-state": search_state,
    "kept-plan": kept_plan,
    "partial-evaluation": partial_evaluation,
}

"""The first step of a run: which network, by which recipe, and on which images."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from levit_edge.bundle.manifest import CheckpointProvenance
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import check_headers
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.errors import DataError
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.quantize.calibration.calibrated import Calibrated, calibrate_network
from levit_edge.quantize.calibration.sources import ImageSources, choose_images
from levit_edge.system.progress import Stages
from levit_edge.text import listed

__all__ = ["Prepared", "check_images", "prepare", "with_search_images"]

SEARCH_IMAGES = 1000
"""At most this many, and at most half of the evaluation images, choose the schemes; the others give the figures."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a run works on."""

    trained: Checkpoint
    deploy: DeployLeViT
    """Its model in the form that is deployed."""
    provenance: CheckpointProvenance
    preprocessing: Preprocessing
    recipe: Recipe
    """With the number of calibration images that are used."""
    images: ImageSources
    search_images: ImageSet | None = None
    """Those that choose layer schemes, if there is a budget; none of them is among `images`."""
    options: ImageOptions
    max_drop_pt: float | None
    """The budget."""

    def calibrate(self, stages: Stages) -> Calibrated:
        """Make the network's plan by the recipe; see `calibrate_network`."""
        return calibrate_network(
            self.deploy, self.images.calibration, self.preprocessing, self.recipe, self.options, stages
        )


def prepare(
    checkpoint: str | Path | None,
    size: str | None,
    weights: str | None,
    *,
    calibration: Path | None,
    evaluation: Path | None,
    recipe: Recipe,
    options: ImageOptions,
    max_drop_pt: float | None,
    stages: Stages,
    warn: Callable[[str], None],
) -> Prepared:
    """Read the checkpoint, choose the images and fold the network; see `levit_edge.quantize.pipeline.quantize`.

    Raises:
        CheckpointError: the checkpoint cannot be had or is not one of a LeViT.
        DataError: see `choose_images`.
    """
    with stages.stage("read checkpoint"):
        source = resolve_checkpoint(None if checkpoint is None else str(checkpoint), size)
        trained = read_checkpoint(source, size, weights)
    _tell(trained, warn)
    preprocessing = Preprocessing.from_config(trained.config, options.resize)
    images = choose_images(
        demo_model=trained.config.name == "demo",
        classes=trained.config.classes,
        recipe=recipe,
        calibration=calibration,
        evaluation=evaluation,
        limit=options.limit,
        max_drop_pt=max_drop_pt,
        warn=warn,
    )
    with stages.stage("fold batch norm"):
        deploy = fuse(trained.model)
    return Prepared(
        trained=trained,
        deploy=deploy,
        provenance=CheckpointProvenance(
            source=str(checkpoint) if checkpoint else source.name,
            format=str(trained.format),
            sha256=trained.sha256,
            entry=trained.entry,
            other_entries=trained.other_entries,
        ),
        preprocessing=preprocessing,
        recipe=replace(recipe, calibration_images=len(images.calibration)),
        images=images,
        options=options,
        max_drop_pt=max_drop_pt,
    )


def _tell(trained: Checkpoint, warn: Callable[[str], None]) -> None:
    """Say which of a file's networks was taken, and what is not as in a trained LeViT."""
    if trained.other_entries:
        warn(
            f"{trained.path.name} holds several LeViTs: {trained.entry} was taken; --weights takes another"
            f" ({listed(trained.other_entries)})."
        )
    for note in trained.notes:
        warn(f"{trained.path.name}: {note}.")


def check_images(run: Prepared, stages: Stages) -> None:
    """Look at the evaluation images before long work begins, unless bad ones are to be skipped.

    Raises:
        DataError: there are bad ones.
    """
    if not run.options.skip_bad_images:
        with stages.stage("check images", total=len(run.images.evaluation)) as advance:
            check_headers(run.images.evaluation.images, advance)


def with_search_images(run: Prepared) -> Prepared:
    """`run`, with some of its evaluation images set apart for the search if there is a budget.

    Raises:
        DataError: there are fewer than two images.
    """
    if run.max_drop_pt is None:
        return run
    search, final = split_for_search(run.images.evaluation, run.recipe.seed)
    return replace(run, images=replace(run.images, evaluation=final), search_images=search)


def split_for_search(evaluation: ImageSet, seed: int) -> tuple[ImageSet, ImageSet]:
    """Images to search on, class-balanced, and images for the final figures; none is in both.

    Raises:
        DataError: there are fewer than two images.
    """
    if len(evaluation) < 2:
        raise DataError(
            f"{evaluation.root} has {len(evaluation)} image, --max-drop needs at least 2: some to choose by, and"
            " others to measure with."
        )
    chosen = balanced_sample(evaluation, min(SEARCH_IMAGES, len(evaluation) // 2), seed)
    taken = set(chosen.images)
    rest = evaluation.select(index for index, image in enumerate(evaluation.images) if image not in taken)
    return chosen, rest

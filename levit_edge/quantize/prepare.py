"""The first step of a run: which network, by which recipe, and on which images."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from levit_edge.bundle.manifest import EMBEDDED, CheckpointProvenance
from levit_edge.bundle.reader import read_manifest
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.classes import ModelClasses
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import are_squares, check_headers
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.demo import is_demo
from levit_edge.errors import CheckpointError, DataError
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.config import LevitConfig
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.model.hub_preprocessing import LEVIT_PROTOCOL, PreprocessingOrigin
from levit_edge.model.source import is_hub_id
from levit_edge.quantize.calibration.calibrated import Calibrated, calibrate_network
from levit_edge.quantize.calibration.sources import ImageSources, choose_images, refuse_list_alone
from levit_edge.runtime.evaluation.gate import NO_GATE, GateRules
from levit_edge.system.progress import Stages
from levit_edge.text import listed

__all__ = [
    "Prepared",
    "check_images",
    "choose_preprocessing",
    "made_to_size",
    "prepare",
    "reading_warnings",
    "with_search_images",
]

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
    preprocessing_origin: str
    """Whose word that is: the checkpoint's, or the user's."""
    warnings: tuple[str, ...] = ()
    """What was told of the checkpoint and of the images' size, for the record."""
    recipe: Recipe
    """With the number of calibration images that are used, and the schemes that they allow."""
    images: ImageSources
    search_images: ImageSet | None = None
    """Those that choose layer schemes, if there is a budget; none of them is among `images`."""
    options: ImageOptions
    rules: GateRules = NO_GATE
    """The gate, and so the budget."""

    def calibrate(self, stages: Stages) -> Calibrated:
        """Make the network's plan by the recipe; see `calibrate_network`."""
        images = self.images
        made = calibrate_network(self.deploy, images.calibration, self.preprocessing, self.recipe, self.options, stages)
        return replace(made, plan=replace(made.plan, own_images=images.own_images))


def prepare(
    checkpoint: str | Path | None,
    size: str | None,
    weights: str | None = None,
    *,
    calibration: Path | None,
    evaluation: Path | None,
    recipe: Recipe,
    options: ImageOptions,
    rules: GateRules = NO_GATE,
    stages: Stages,
    warn: Callable[[str], None],
) -> Prepared:
    """Read the checkpoint, choose the images and fold the network; see `levit_edge.quantize.pipeline.quantize`.

    Raises:
        CheckpointError: the checkpoint cannot be had, is not one of a LeViT, or states preprocessing that there is not.
        DataError: see `choose_images` and `Preprocessing`; or `options` turn photographs, which the protocol does not.
    """
    _refuse_turning(options)
    refuse_list_alone(calibration, options)
    with stages.stage("read checkpoint"):
        source = resolve_checkpoint(None if checkpoint is None else str(checkpoint), size)
        trained = read_checkpoint(source, size, weights)
    told = _tell(warn, reading_warnings(trained, trained.path.name))
    preprocessing, origin = _preprocessing_of(trained, source, options.preprocessing)
    images = choose_images(
        demo_model=is_demo(trained.sha256),
        model=ModelClasses.of(trained.config.classes, trained.labels, options.classes),
        recipe=recipe,
        calibration=calibration,
        evaluation=evaluation,
        options=options,
        rules=rules,
        warn=warn,
    )
    if not options.preprocessing.sizes_images:
        told += _tell(warn, _made_to_size(images, preprocessing))
    resolved = recipe.resolved(own_images=images.own_images)
    with stages.stage("fold batch norm"):
        deploy = fuse(trained.model)
    return Prepared(
        trained=trained,
        deploy=deploy,
        provenance=_provenance(checkpoint, source, trained),
        preprocessing=preprocessing,
        preprocessing_origin=origin,
        warnings=told,
        recipe=replace(resolved, calibration_images=len(images.calibration)),
        images=images,
        options=options,
        rules=rules,
    )


def _provenance(checkpoint: str | Path | None, source: Path, trained: Checkpoint) -> CheckpointProvenance:
    """Where `trained` came from: it was asked for as `checkpoint`, and lies at `source`."""
    return CheckpointProvenance(
        source=str(checkpoint) if checkpoint else source.name,
        format=str(trained.format),
        sha256=trained.sha256,
        entry=trained.entry,
        other_entries=trained.other_entries,
        revision=source.name if checkpoint is not None and is_hub_id(str(checkpoint)) else None,
        license=trained.license,
    )


def _tell(warn: Callable[[str], None], warnings: Iterable[str]) -> tuple[str, ...]:
    """What the user was told."""
    told = tuple(warnings)
    for each in told:
        warn(each)
    return told


def _refuse_turning(options: ImageOptions) -> None:
    if options.exif:
        raise DataError("a bundle is made on photographs as they are stored: leave `exif` out; `verify` takes it.")


def choose_preprocessing(
    config: LevitConfig, origin: PreprocessingOrigin, changes: PreprocessingChanges
) -> tuple[Preprocessing, str]:
    """What a checkpoint of that `config` is to see, and whose word that is.

    Raises:
        BundleError: `changes.bundle` is no bundle.
        CheckpointError: the checkpoint states what levit-edge does not do, and `changes` do not say all of it.
        DataError: a value is out of its range, or the bundle's network sees images of another size.
    """
    if changes.bundle is not None:
        config, origin = _as_in_bundle(config, Path(changes.bundle))
        changes = replace(changes, bundle=None)
    words = " ".join(" ".join(option) for option in changes.option_words())
    if origin.fault is not None and not changes.is_whole:
        raise CheckpointError(origin.fault)
    text = words if changes.is_whole else f"{origin.text}; {words}" if words else origin.text
    try:
        return Preprocessing.from_config(config, changes), text
    except DataError as error:
        if origin == LEVIT_PROTOCOL:
            raise
        raise DataError(f"{text}: {error}") from error


def _as_in_bundle(config: LevitConfig, bundle: Path) -> tuple[LevitConfig, PreprocessingOrigin]:
    """`config` with a bundle's preprocessing."""
    stated = read_manifest(bundle).preprocessing
    if stated.image_size != config.image_size:
        raise DataError(
            f"the bundle {bundle} makes images of {stated.image_size}×{stated.image_size} pixels, and the checkpoint is"
            f" for {config.image_size}×{config.image_size}: pass a bundle of that size as --preprocessing, or say how"
            " with --resize, --crop, --interpolation, --mean and --std"
        )
    return config.prepared_as(stated), PreprocessingOrigin(text=f"the bundle {bundle}")


def _made_to_size(images: ImageSources, preprocessing: Preprocessing) -> Iterator[str]:
    """What to say of images that have the network's size already, and are to be enlarged and cut."""
    size, resize = preprocessing.image_size, preprocessing.resize
    named = {images.calibration_source: images.calibration, images.evaluation_source: images.evaluation}
    for source, chosen in named.items():
        if resize != size and source != EMBEDDED and are_squares(chosen.images, size):
            yield made_to_size(source, preprocessing, f"pass --resize {size}")


def made_to_size(source: str, preprocessing: Preprocessing, advice: str) -> str:
    """What to tell the user of images that have the network's size already; `advice` keeps them as they are."""
    size = preprocessing.image_size
    return (
        f"the images of {source} are {size}×{size} already. They are enlarged to {preprocessing.resize} pixels and"
        f" their centre is cut out, as if they were photographs; if they were made for this network, {advice}."
    )


def _preprocessing_of(trained: Checkpoint, source: Path, changes: PreprocessingChanges) -> tuple[Preprocessing, str]:
    """As `choose_preprocessing`; a message names the checkpoint."""
    try:
        return choose_preprocessing(trained.config, trained.preprocessing_origin, changes)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from error


def reading_warnings(trained: Checkpoint, source: str, choice: str = "--weights") -> Iterator[str]:
    """Which of the networks at `source` was taken, and what is not as in a trained LeViT; `choice` takes another."""
    if trained.other_entries:
        yield (
            f"{source} holds several LeViTs: {trained.entry} was taken; {choice} takes another"
            f" ({listed(trained.other_entries)})."
        )
    yield from (f"{source}: {note}." for note in trained.notes)


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
    if run.rules.max_drop_pt is None:
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

"""Which images a run calibrates on and evaluates on, when the user names them and when not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from levit_edge import demo
from levit_edge.bundle.manifest import EMBEDDED
from levit_edge.bundle.recipe import ENOUGH_IMAGES, EVERY_LAYER, Recipe
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import calibration_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.options import ImageOptions
from levit_edge.data.sampling import balanced_sample
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.gate import NO_GATE, GateRules
from levit_edge.runtime.evaluation.verify import evaluation_set
from levit_edge.text import counted

__all__ = ["ImageSources", "choose_images", "refuse_list_alone"]

Warn = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ImageSources:
    """What a run uses, and how it is named in the manifest."""

    calibration: ImageSet
    calibration_source: str
    own_images: bool
    """Whether those to calibrate on are of the model's kind: the user's, or the demo's for the demo."""
    evaluation: ImageSet
    evaluation_source: str


def choose_images(
    *,
    demo_model: bool,
    model: ModelClasses,
    recipe: Recipe,
    calibration: Path | None,
    evaluation: Path | None,
    options: ImageOptions,
    rules: GateRules = NO_GATE,
    warn: Warn,
) -> ImageSources:
    """Find the images, saying through `warn` whatever makes the figures weaker than the user may think.

    Raises:
        DataError: a folder is not usable, holds fewer images than the recipe asks for, or has no labels for a gate.
    """
    refuse_list_alone(calibration, options)
    all_calibration = calibration_images(calibration or demo.calibration_dir(), options)
    count = recipe.calibration_images if calibration else min(recipe.calibration_images, len(all_calibration))
    if count > len(all_calibration):
        raise DataError(
            f"{options.only or calibration} holds {counted(len(all_calibration), 'image')}, calibration needs {count}."
            f" Add images, or ask for fewer with --calibration-images {len(all_calibration)}."
        )
    chosen = balanced_sample(all_calibration, count, recipe.seed)
    options = replace(options, only=None)
    own_images = demo_model or calibration is not None
    if not own_images:
        warn(_foreign(count, recipe.resolved(own_images=False)))
    elif count < ENOUGH_IMAGES:
        warn(_few(count, recipe.resolved(own_images=True)))
    source = str(calibration) if calibration else EMBEDDED
    if evaluation is None and demo_model:
        evaluated = evaluation_set(demo.evaluation_dir(), model, options, rules)
        evaluation_source = EMBEDDED
    elif evaluation is not None:
        evaluated = evaluation_set(evaluation, model, options, rules)
        evaluation_source = str(evaluation)
        if evaluated.labels is None:
            warn(
                f"{evaluation} has no class folders or other labels: the drop is not measured, only agreement with"
                " fp32 and SQNR."
            )
    elif rules.max_drop_pt is not None:
        raise DataError(
            "--max-drop needs labelled images: give a folder with one folder for each class as --evaluation."
        )
    else:
        evaluated, evaluation_source = _of_calibration(all_calibration, chosen, options.limit, warn), source
    return ImageSources(
        calibration=chosen,
        calibration_source=source,
        own_images=own_images,
        evaluation=evaluated,
        evaluation_source=evaluation_source,
    )


def _foreign(count: int, recipe: Recipe) -> str:
    """What to tell of ranges that come from images of another kind."""
    what = (
        f"no --calibration folder: calibrating on {counted(count, 'embedded photograph')} of clothing, and not on"
        " ImageNet or images of your own; "
    )
    if not recipe.all_dynamic:
        return f"{what}expect a larger drop than with some hundred of these."
    return (
        f"{what}so every layer that can takes its range at run time"
        f" (--scheme {recipe.scheme} --dynamic-layer '{EVERY_LAYER}')."
        " With some hundred of these int8.pte is faster on ARM."
    )


def _few(count: int, recipe: Recipe) -> str:
    """What to tell of ranges that come from so few images."""
    what = f"{counted(count, 'calibration image')}: other images leave ranges that so few have shown; "
    if not recipe.all_dynamic:
        return (
            f"{what}calibrate on {ENOUGH_IMAGES} or more, better some hundred, or add --dynamic-layer '{EVERY_LAYER}'."
        )
    return (
        f"{what}so every layer that can takes its range at run time"
        f" (--scheme {recipe.scheme} --dynamic-layer '{EVERY_LAYER}')."
        f" With {ENOUGH_IMAGES} or more int8.pte is faster on ARM."
    )


def refuse_list_alone(calibration: Path | None, options: ImageOptions) -> None:
    """Refuse a list of the images to calibrate on without the images: it is not about those that levit-edge brings.

    Raises:
        DataError: it is so.
    """
    if calibration is None and options.only is not None:
        raise DataError(
            f"--only {options.only} lists images to calibrate on, and --calibration, which they are taken from, is not"
            " given: give it, or leave --only out. Images to evaluate on are chosen by --only in `levit-edge verify`."
        )


def _of_calibration(candidates: ImageSet, used: ImageSet, limit: int | None, warn: Warn) -> ImageSet:
    """Images of the calibration folder to measure agreement on: those that are not `used`, if there are any."""
    taken = set(used.images)
    unused = [index for index, image in enumerate(candidates.images) if image not in taken]
    if not unused:
        warn(
            "no --evaluation folder: the drop is not measured. Agreement and SQNR are over the calibration images"
            " themselves, and so a little flattering."
        )
        return replace(used, labels=None, pairing=None)
    held_out = candidates.select(unused)
    if limit is not None and limit < len(held_out):
        held_out = balanced_sample(held_out, limit, seed=0)
    warn(
        "no --evaluation folder: the drop is not measured. Agreement and SQNR are over"
        f" {counted(len(held_out), 'image')} of the"
        " calibration folder that calibration did not use."
    )
    return replace(held_out, labels=None, pairing=None)

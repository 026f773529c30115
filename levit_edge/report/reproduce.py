"""The command that makes a bundle again, from what the bundle says about itself.

Nothing of a bundle is taken over as a command: options are ours, and values from it are quoted for the shell.
"""

import shlex
from dataclasses import replace
from pathlib import Path

from levit_edge import demo
from levit_edge.bundle.manifest import EMBEDDED, Manifest
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.data.image_tables import NO_TABLES
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.model.config import CONFIGS
from levit_edge.report.caveats import DEMO
from levit_edge.report.command_line import Asked
from levit_edge.runtime.evaluation.gate import GateRules

__all__ = ["asked_of", "quantize_command", "verify_command"]


def quantize_command(manifest: Manifest, limit: int | None) -> list[str]:
    """`levit-edge quantize …` with everything spelled out, as defaults may change; `limit` bounded the images.

    In parts of one option each, quoted.
    """
    return [shlex.join(option) for option in asked_of(manifest, limit).quantize()]


def verify_command(manifest: Manifest, limit: int | None) -> str | None:
    """`levit-edge verify …` on the same images; None for those that are part of the package."""
    asked, source = asked_of(manifest, limit), manifest.verification.images.source
    if source == EMBEDDED:
        return None
    only = (manifest.verification.images.tables or NO_TABLES).only
    of_bundle = replace(
        asked.options,
        preprocessing=PreprocessingChanges(),
        only=None if only is None else Path(only.path),
        exif=manifest.verification.exif,
    )
    bound = [] if limit is None else [("--limit", str(limit))]
    call = ("levit-edge", "verify", "BUNDLE", "--evaluation", source)
    return " ".join(map(shlex.join, (call, *of_bundle.option_words(), *asked.rules.option_words(), *bound)))


def asked_of(manifest: Manifest, limit: int | None) -> Asked:
    """What was asked for when the bundle was made."""
    name, checkpoint, gate = manifest.config.name, manifest.checkpoint, manifest.verification.gate
    return Asked(
        model=name if name in CONFIGS else None,
        checkpoint=None if checkpoint.source == _default_weights(name) else checkpoint.source,
        weights=checkpoint.entry if checkpoint.other_entries else None,
        calibration=None if manifest.calibration.source == EMBEDDED else manifest.calibration.source,
        evaluation=_evaluation(manifest),
        recipe=_recipe(manifest),
        options=_options(manifest, limit),
        rules=GateRules(max_drop_pt=gate.max_drop_pt, on=gate.on, allow_poor_fp32=gate.allow_poor_fp32),
    )


def _default_weights(name: str) -> str | None:
    """What the weights are recorded as that a size has by itself."""
    if name == DEMO:
        return demo.checkpoint_path().name
    published = CONFIGS[name].weights if name in CONFIGS else None
    return None if published is None else published.file_name


def _evaluation(manifest: Manifest) -> str | None:
    """None for the package's own images, and for those that calibration left over, which have no labels."""
    verification = manifest.verification
    source = verification.images.source
    left_over = source == manifest.calibration.source and not verification.labelled
    return None if source == EMBEDDED or left_over else source


def _options(manifest: Manifest, limit: int | None) -> ImageOptions:
    calibration, evaluation, search = manifest.calibration, manifest.verification.images, manifest.search
    of_images = replace(evaluation.tables or NO_TABLES, only=(calibration.tables or NO_TABLES).only)
    skipped = (calibration.skipped, evaluation.skipped, () if search is None else search.images.skipped)
    return of_images.given(ImageOptions(preprocessing=_changes(manifest), limit=limit, skip_bad_images=any(skipped)))


def _changes(manifest: Manifest) -> PreprocessingChanges:
    """What was asked for; older manifests only tell by the one value that could be."""
    if manifest.preprocessing_changes is not None:
        return manifest.preprocessing_changes
    resize = manifest.preprocessing.resize
    return PreprocessingChanges(resize=None if resize == manifest.config.resize else resize)


def _recipe(manifest: Manifest) -> Recipe:
    """The recipe before a search appended its moves."""
    moves = manifest.search.moves if manifest.search is not None else ()

    def unmoved(patterns: tuple[str, ...], scheme: LayerScheme) -> tuple[str, ...]:
        return patterns[: len(patterns) - sum(move.scheme is scheme for move in moves)]

    recipe = manifest.recipe
    return replace(
        recipe,
        dynamic_layers=unmoved(recipe.dynamic_layers, LayerScheme.DYNAMIC),
        float_layers=unmoved(recipe.float_layers, LayerScheme.FLOAT),
    )

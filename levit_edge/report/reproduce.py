"""The command that makes a bundle again, from what the bundle says about itself.

Nothing of a bundle is taken over as a command: options are ours, and values from it are quoted for the shell.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from levit_edge import demo
from levit_edge.bundle.manifest import EMBEDDED, Manifest
from levit_edge.bundle.passed_on import HIDDEN
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.data.image_tables import NO_TABLES
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.model.config import CONFIGS
from levit_edge.report.command_line import Asked
from levit_edge.runtime.evaluation.gate import GateRules
from levit_edge.text import counted

__all__ = ["asked_of", "hidden_folders", "measured_besides", "quantize_command", "unasked", "verify_command"]


def quantize_command(manifest: Manifest, limit: int | None) -> list[str]:
    """`levit-edge quantize …` with everything spelled out, as defaults may change; `limit` bounded the images.

    In parts of one option each, quoted.
    """
    return [shlex.join(option) for option in asked_of(manifest, limit).quantize()]


def verify_command(manifest: Manifest, limit: int | None) -> str | None:
    """`levit-edge verify …` on the images; None for those that are part of the package.

    What it measures besides the bundle's own figures, `measured_besides` says.
    """
    asked, source = asked_of(manifest, limit), manifest.verification.images.source
    if source == EMBEDDED:
        return None
    of_bundle = replace(
        asked.options, preprocessing=PreprocessingChanges(), only=_only(manifest), exif=manifest.verification.exif
    )
    unbounded = limit is None or _on_calibrated(manifest)
    bound = [] if unbounded else [("--limit", str(limit))]
    call = ("levit-edge", "verify", "BUNDLE", "--evaluation", source)
    return " ".join(map(shlex.join, (call, *of_bundle.option_words(), *asked.rules.option_words(), *bound)))


def measured_besides(manifest: Manifest) -> str | None:
    """Which images `verify_command` measures that the bundle's figures leave out; None if there are no such."""
    search = manifest.search
    if search is not None:
        besides = f"the {counted(search.images.count, 'image')} that the search chose by"
    elif _left_over(manifest) and not _on_calibrated(manifest):
        besides = f"the {counted(manifest.calibration.count, 'image')} that calibration used"
    else:
        return None
    return (
        f"verify measures all of these images; the figures above leave out {besides}, and are of"
        f" {counted(manifest.verification.samples, 'image')}. So they differ."
    )


def hidden_folders(commands: Sequence[str]) -> str | None:
    """What stands for folders that the bundle does not name in `commands`; None if nothing does."""
    if not any(word.startswith(HIDDEN) for command in commands for word in shlex.split(command)):
        return None
    return (
        f"{HIDDEN} stands for a folder of the machine that made the bundle, which is not passed on: put yours there. Of"
        " images, tables and weights the SHA-256 above says whether they are the same."
    )


def unasked(manifest: Manifest) -> str | None:
    """What of a sweep's winner no option of `quantize` says; None if nothing is left out."""
    only = _only(manifest)
    if only is None:
        return None
    return f"quantize takes no list of evaluation images, and a sweep does: these were only those of {only}."


def _only(manifest: Manifest) -> Path | None:
    """The list of the images that were evaluated on."""
    only = (manifest.verification.images.tables or NO_TABLES).only
    return None if only is None else Path(only.path)


def asked_of(manifest: Manifest, limit: int | None) -> Asked:
    """What was asked for when the bundle was made."""
    name, checkpoint, gate = manifest.config.name, manifest.checkpoint, manifest.verification.gate
    return Asked(
        model=name if name in CONFIGS else None,
        checkpoint=None if checkpoint.source == _default_weights(manifest) else checkpoint.source,
        weights=checkpoint.entry if checkpoint.other_entries else None,
        calibration=None if manifest.calibration.source == EMBEDDED else manifest.calibration.source,
        evaluation=_evaluation(manifest),
        recipe=_recipe(manifest),
        options=_options(manifest, limit),
        rules=GateRules(max_drop_pt=gate.max_drop_pt, on=gate.on, allow_poor_fp32=gate.allow_poor_fp32),
    )


def _default_weights(manifest: Manifest) -> str | None:
    """What the weights are recorded as that a size has by itself."""
    name = manifest.config.name
    if demo.is_demo(manifest.checkpoint.sha256):
        return demo.checkpoint_path().name
    published = CONFIGS[name].weights if name in CONFIGS else None
    return None if published is None else published.file_name


def _evaluation(manifest: Manifest) -> str | None:
    """None for the package's own images, and for those that calibration left over, which have no labels."""
    source = manifest.verification.images.source
    return None if source == EMBEDDED or _left_over(manifest) else source


def _left_over(manifest: Manifest) -> bool:
    """Whether it was measured on what calibration left over of its images, or, if that was nothing, on these."""
    verification = manifest.verification
    return verification.images.source == manifest.calibration.source and not verification.labelled


def _on_calibrated(manifest: Manifest) -> bool:
    """Whether calibration left nothing over, so that it was measured on the same images, which no limit bounds."""
    return _left_over(manifest) and manifest.verification.images.sha256 == manifest.calibration.sha256


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

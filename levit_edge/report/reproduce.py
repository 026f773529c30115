"""The command that makes a bundle again, from what the bundle says about itself.

Nothing of a bundle is taken over as a command: options are ours, and values from it are quoted for the shell.
"""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from levit_edge.bundle.manifest import EMBEDDED, Manifest
from levit_edge.bundle.recipe import LayerScheme, Recipe, option_words
from levit_edge.data.options import PreprocessingChanges
from levit_edge.model.config import CONFIGS
from levit_edge.report.caveats import DEMO

__all__ = ["quantize_command", "verify_command"]

Option = tuple[str, ...]


def quantize_command(manifest: Manifest, limit: int | None) -> list[str]:
    """`levit-edge quantize …` with everything spelled out, as defaults may change; `limit` bounded the images.

    In parts of one option each, quoted.
    """
    options = [*_model(manifest), *_images(manifest), *option_words(_recipe(manifest))]
    options += _changes(manifest).option_words()
    if manifest.search is not None:
        options.append(("--max-drop", f"{manifest.search.max_drop_pt:g}"))
    if limit is not None:
        options.append(("--limit", str(limit)))
    if manifest.calibration.skipped or manifest.verification.images.skipped:
        options.append(("--skip-bad-images",))
    return ["levit-edge quantize", *map(shlex.join, options)]


def verify_command(manifest: Manifest) -> str | None:
    """`levit-edge verify …` on the same images; None for those that are part of the package."""
    source, options = manifest.verification.images.source, ["--exif"] if manifest.verification.exif else []
    words = ["levit-edge", "verify", "BUNDLE", "--evaluation", source, *options]
    return None if source == EMBEDDED else shlex.join(words)


def _model(manifest: Manifest) -> Iterator[Option]:
    name, checkpoint = manifest.config.name, manifest.checkpoint
    published = CONFIGS[name].weights if name in CONFIGS else None
    if name in CONFIGS:
        yield ("--model", name)
    if name != DEMO and (published is None or checkpoint.source != published.file_name):
        yield ("--checkpoint", checkpoint.source)
    if checkpoint.other_entries and checkpoint.entry is not None:
        yield ("--weights", checkpoint.entry)


def _images(manifest: Manifest) -> Iterator[Option]:
    calibration, evaluation = manifest.calibration.source, manifest.verification.images.source
    if calibration != EMBEDDED:
        yield ("--calibration", calibration)
    if evaluation not in {EMBEDDED, calibration}:
        yield ("--evaluation", evaluation)


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

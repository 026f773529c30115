"""How a sensitivity is printed: a table that fits 80 columns, what it was measured on, and what to do next."""

import shlex
from collections.abc import Iterator, Sequence
from math import log10

from rich.console import Console

from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.cli.show.fitting_table import decimal, print_table
from levit_edge.cli.show.tables import print_passed_over
from levit_edge.cli.terminal.console import say
from levit_edge.quantize.analysis.sensitivity import LayerSensitivity, Noise, Sensitivity
from levit_edge.report.command_line import Asked
from levit_edge.text import counted

__all__ = ["by_cost", "print_sensitivity", "suggestions"]

HEADINGS = (
    "layer", "share\n%", "weights\ndB", "activ.\ndB", "static\ndB", "dynamic\ndB", "agree\n%", "flips\n−/+",
    "float\n+ms", "dyn.\n+ms",
)  # fmt: skip
LEAST_SHARE = 0.02
"""A change that removes less of the noise than this is not worth suggesting."""


def by_cost(measured: Sensitivity) -> list[LayerSensitivity]:
    """The layers, those that add the most noise as planned first."""
    return sorted(measured.layers, key=lambda layer: (-layer.planned_noise, -layer.static.relative))


def print_sensitivity(measured: Sensitivity, console: Console, *, rows: int, asked: Asked) -> None:
    """Print the first `rows` layers by cost, what the figures mean, and how to go on with the network `asked` for."""
    total = sum(layer.planned_noise for layer in measured.layers)
    timed = measured.runtime is not None
    print_table(
        console,
        HEADINGS if timed else HEADINGS[:-2],
        {"": [_cells(layer, total, timed=timed) for layer in by_cost(measured)[:rows]]},
        left=("layer",),
        spare=("flips\n−/+", "agree\n%", "weights\ndB", "activ.\ndB"),
    )
    for line in (*_legend(measured, rows), *_next(measured, total, asked)):
        say(line, to=console)
    for images in {each.source: each for each in (measured.images, measured.calibration)}.values():
        print_passed_over(images, console)
    if not measured.labelled:
        say("The images have no labels: flips were not measured.", "yellow", to=console, wrap=True)


def suggestions(measured: Sensitivity) -> list[tuple[LayerSensitivity, LayerScheme, float]]:
    """For dynamic and for float the layer to change first, and the share of the noise that this removes.

    Dynamic where it removes the most; float where the most is left in int8 of either kind.
    """
    total = sum(layer.planned_noise for layer in measured.layers)
    if not total:
        return []
    dynamic = max(measured.layers, key=_gain_of_dynamic)
    in_float = max(measured.layers, key=lambda layer: min(layer.planned_noise, _dynamic_or_static_noise(layer)))
    found = [
        (dynamic, LayerScheme.DYNAMIC, _gain_of_dynamic(dynamic) / total),
        (in_float, LayerScheme.FLOAT, in_float.planned_noise / total),
    ]
    return [each for each in found if each[2] >= LEAST_SHARE]


def _gain_of_dynamic(layer: LayerSensitivity) -> float:
    return layer.planned_noise - _dynamic_or_static_noise(layer)


def _dynamic_or_static_noise(layer: LayerSensitivity) -> float:
    return layer.static.relative if layer.dynamic is None else layer.dynamic.relative


def _cells(layer: LayerSensitivity, total: float, *, timed: bool) -> Sequence[str]:
    planned = layer.noise(layer.planned)
    flips = "–" if planned is None or planned.flips_lost is None else f"{planned.flips_lost}/{planned.flips_gained}"
    prices = {scheme: layer.price_ms(scheme) for scheme in (LayerScheme.FLOAT, LayerScheme.DYNAMIC) if timed}
    return (
        layer.layer,
        f"{100 * layer.planned_noise / total:.1f}" if total else "–",
        _decibels(layer.weights),
        _decibels(layer.activations),
        _decibels(layer.static) + ("*" if layer.planned is LayerScheme.STATIC else " "),
        _decibels(layer.dynamic) + ("*" if layer.planned is LayerScheme.DYNAMIC else " "),
        decimal(planned.agreement if planned else None, 1),
        flips,
        *("–" if ms is None or layer.planned is scheme else f"{ms:+.3f}" for scheme, ms in prices.items()),
    )


def _decibels(noise: Noise | None) -> str:
    if noise is None:
        return "–"
    return "exact" if noise.sqnr_db is None else f"{noise.sqnr_db:.1f}"


def _legend(measured: Sensitivity, rows: int) -> Iterator[str]:
    layers, host = measured.layers, measured.host
    top1 = "" if measured.top1 is None else f", float top-1 {measured.top1:.1f} %"
    total = sum(layer.planned_noise for layer in layers)
    sum_db = f"{-10 * log10(total):.1f}" if total else "exact"
    yield f"{min(rows, len(layers))} of {counted(len(layers), 'layer')}, each alone in int8, the rest in float"
    yield "dB: logit SQNR, more is better; * as planned: share (of all layers' noise),"
    yield "agree and flips are of that"
    yield (
        f"all layers at once: {_decibels(measured.as_planned)} dB as planned (by the sum of layers {sum_db}),"
        f" {_decibels(measured.all_static)} static"
    )
    yield f"{counted(measured.samples, 'image')}{top1}; {host['processor']}, {host['architecture']}"
    if measured.runtime is not None:
        yield "+ms: median time of the layer alone, above its time as planned;"
        yield f"{measured.runtime}, {measured.threads} thread"


def _next(measured: Sensitivity, total: float, asked: Asked) -> Sequence[str]:
    if not total:
        return ()
    options = []
    for layer, scheme, share in suggestions(measured):
        price = layer.price_ms(scheme)
        cost = "" if price is None else f", {price:+.3f} ms"
        options.append(f"  --{scheme}-layer {layer.layer}: −{100 * share:.0f} % noise{cost}")
    again = shlex.join(word for option in asked.quantize(unlike=Recipe()) for word in option)
    return [f"next: {again}", *(["with one of"] if options else ["as it is: no single layer stands out"]), *options]

"""A bundle as one self-contained page, alone, beside others, or with measurements of boards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.benchmark.interference import slowed_by_others
from levit_edge.benchmark.measurement import Measurement
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import ArtifactResult, ImageProvenance
from levit_edge.bundle.reader import Bundle
from levit_edge.data.image_tables import NO_TABLES, TableFile
from levit_edge.documents import to_json
from levit_edge.report.boards_page import boards_plot
from levit_edge.report.bundles import Opened, compare, open_all
from levit_edge.report.caveats import caveats, few_images
from levit_edge.report.layers_plot import compared_sqnr_plot, ranges_plot, sqnr_plot
from levit_edge.report.next_steps import next_steps
from levit_edge.report.page import render
from levit_edge.report.report_data import FlippedImage, ImageAnswer, LayerReportData, ReportData
from levit_edge.report.reproduce import hidden_folders, measured_besides, quantize_command, unasked, verify_command
from levit_edge.runtime.evaluation.gate import demands, verdict
from levit_edge.runtime.evaluation.meaning import meaning

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["bundle_page", "of_other_bundles"]

HEADINGS = {"classes": "classes by", "labels": "labels by", "devkit": "labels by", "only": "only those of"}
"""Of the files that came with images."""
NOISIEST = 5
"""Layers that are named above the folded charts."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One int8 file against the fp32 file of its runtime."""

    int8: ArtifactResult
    int8_bytes: int
    smaller: float
    """How many times smaller than fp32."""
    meaning: str | None
    """What the interval of its drop means."""
    speedup: tuple[float, float, float] | None
    """Median and quartiles, on the computer that made the bundle."""


def bundle_page(bundle: Bundle, *, others: Sequence[Bundle] = (), measurements: Sequence[Measurement] = ()) -> str:
    """The page of `bundle`; what was not recorded when it was made is named as such.

    Args:
        bundle: what the page is about.
        others: bundles to put beside it.
        measurements: of boards, as `levit_edge.benchmark.files.load_measurements` gives them.

    Raises:
        BundleError: a bundle is damaged, or says what cannot be.
        RuntimeUnavailableError: Jinja2 or matplotlib is not installed.
    """
    opened = open_all([bundle, *others])
    ours, report_data, manifest = opened[0], opened[0].report_data, opened[0].manifest
    rows, limit = comparison_rows(measurements), report_data.limit if report_data else None
    again, figures = quantize_command(manifest, limit), verify_command(manifest, limit)
    return render(
        "bundle.html.jinja",
        manifest=manifest,
        recipe=to_json(manifest.recipe),
        labels=bundle.labels(),
        headlines=_headlines(ours),
        caveats=caveats(manifest),
        few_images=few_images(manifest.verification),
        report_data=report_data,
        slowed=slowed_by_others(report_data.latency, after_own_work=True)
        if report_data and report_data.latency
        else None,
        flips=[(image, _flips(image)) for image in report_data.flips.shown]
        if report_data and report_data.flips
        else [],
        plots=_layer_plots(ours),
        noisiest=_noisiest(report_data),
        next_steps=next_steps(manifest, report_data.latency if report_data else None, measurements),
        quantize_command=again,
        hidden_folders=hidden_folders([*again, *([figures] if figures else [])]),
        quantize_lacks=unasked(manifest),
        verdict=verdict(manifest.verification),
        gate_rules=demands(manifest.verification.gate),
        calibration_tables=_tables(manifest.calibration),
        evaluation_tables=_tables(manifest.verification.images),
        verify_command=figures,
        measured_besides=measured_besides(manifest),
        compared=compare(opened) if others else None,
        compared_plot=_compared_plot(opened) if others else None,
        measurements=measurements,
        rows=rows,
        boards_plot=boards_plot(rows).inline() if rows else None,
        strangers=of_other_bundles(bundle, measurements) if measurements else [],
    )


def of_other_bundles(bundle: Bundle, measurements: Sequence[Measurement]) -> list[Measurement]:
    """Those `measurements` that were made with other files than this bundle's."""
    ours = bundle.manifest_sha256
    return [each for each in measurements if each.model.manifest_sha256 != ours]


def _tables(images: ImageProvenance) -> list[tuple[str, TableFile]]:
    """What says which images those are, and their classes, under the headings of the page."""
    named = (images.tables or NO_TABLES).named()
    return [(HEADINGS[name], file) for name, file in named.items()]


def _headlines(opened: Opened) -> list[Headline]:
    sizes = {(each.runtime, each.precision): each.size_bytes for each in opened.manifest.artifacts}
    latency = opened.report_data.latency if opened.report_data else None
    speedups = {
        (each.runtime, each.precision): (each.median, each.p25, each.p75)
        for each in (latency.speedups if latency else ())
    }
    return [
        Headline(
            int8=each,
            int8_bytes=sizes[each.runtime, each.precision],
            smaller=sizes[each.runtime, Precision.FP32] / max(sizes[each.runtime, each.precision], 1),
            meaning=meaning(each, opened.manifest.verification.samples),
            speedup=speedups.get((each.runtime, each.precision)),
        )
        for each in opened.manifest.verification.results
        if each.precision.is_int8 and {(each.runtime, Precision.FP32), (each.runtime, each.precision)} <= set(sizes)
    ]


def _flips(image: FlippedImage) -> list[tuple[str, ImageAnswer, ImageAnswer]]:
    """What became of it in each runtime, and both answers: `changed` where there is no label or both are wrong."""
    found = []
    for before, after in zip(image.answers[::2], image.answers[1::2], strict=True):
        lost, gained = (image.label == answer.top[0].index for answer in (before, after))
        found.append(("lost" if lost else "gained" if gained else "changed", before, after))
    return found


def _layer_plots(opened: Opened) -> "tuple[Markup, Markup] | None":
    if opened.report_data is None or not opened.report_data.layers:
        return None
    schemes: Mapping[str, str] = {each.layer: each.scheme for each in opened.manifest.layers}
    layers = opened.report_data.layers
    return sqnr_plot(layers, schemes).inline(), ranges_plot(layers, schemes).inline()


def _noisiest(report_data: ReportData | None) -> list[LayerReportData]:
    """The few layers with the least SQNR, the least first."""
    noisy = [layer for layer in (report_data.layers if report_data else ()) if layer.sqnr_db is not None]
    return sorted(noisy, key=lambda layer: layer.sqnr_db or 0.0)[:NOISIEST]


def _compared_plot(opened: Sequence[Opened]) -> "Markup | None":
    layers = {each.name: each.report_data.layers for each in opened if each.report_data and each.report_data.layers}
    return compared_sqnr_plot(layers).inline() if len(layers) > 1 else None

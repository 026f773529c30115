"""Which layers cost what: the library behind `levit-edge sensitivity`.

Every layer is rounded to int8 alone, the rest of the network in float, and the logits compared with those of the float
network: noise powers of single layers nearly add up to that of the whole, which is measured beside them. What a layer
takes in each scheme is measured in the runtime.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import torch

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.manifest import CheckpointProvenance, ImageProvenance
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import Decoder
from levit_edge.data.options import ImageOptions
from levit_edge.data.sampling import balanced_sample
from levit_edge.documents import Version, to_json
from levit_edge.quantize.analysis.layer_cost import LayerSite, Timing, layer_costs, layer_sites
from levit_edge.quantize.analysis.layer_noise import (
    FloatLogits,
    Kind,
    LogitNoise,
    Rounded,
    int8_schemes,
    labelled,
    layer_noise,
    network_noise,
)
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.prepare import Prepared, prepare
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.runtime.evaluation.evaluator import THREADS
from levit_edge.runtime.runner import runtime_version
from levit_edge.system.host import describe_host
from levit_edge.system.progress import StageListener, StageRecord, Stages

__all__ = ["LayerSensitivity", "Noise", "Sensitivity", "sensitivity"]

SCHEMA_VERSION = 1
SAMPLE = ImageOptions(limit=128)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """A network with something of it in int8, against the same network in float, on the same images.

    Fields that need labels are None without labels.
    """

    relative: float
    """Σ (int8 − float)² / Σ float² over all logits of all images."""
    sqnr_db: float | None
    """−10 log10 of `relative`; None when there is no noise at all."""
    agreement: float
    """Percent of images with the same top-1 class as in float."""
    drop_pt: float | None
    """Top-1 in float minus this top-1, percentage points."""
    flips_lost: int | None
    """Images that float classifies rightly and this wrongly."""
    flips_gained: int | None
    """Images that float classifies wrongly and this rightly."""


@dataclass(frozen=True, kw_only=True)
class LayerSensitivity:
    """One convolution or linear, alone in int8 while the rest computes in float."""

    layer: str
    kind: str
    """`convolution` or `linear`."""
    planned: LayerScheme
    """What the recipe makes of it."""
    multiply_adds: int
    """For one image."""
    weights: Noise
    """The noise of its weights in int8."""
    activations: Noise
    """The noise of its input and output in int8, with ranges from calibration; weights in float."""
    static: Noise
    """The noise of both: the layer as `LayerScheme.STATIC` computes it."""
    dynamic: Noise | None
    """The layer as `LayerScheme.DYNAMIC` computes it; None where it cannot be dynamic."""
    times: dict[str, Timing] | None
    """Scheme (`float`, `static`, `dynamic`) -> time of the layer alone, see `layer_cost` beside this; None if it was
    not measured. Layers of the same shape share one measurement."""

    def noise(self, scheme: LayerScheme) -> Noise | None:
        """The noise of the layer in `scheme`; None in float, and where it was not measured."""
        return {LayerScheme.STATIC: self.static, LayerScheme.DYNAMIC: self.dynamic, LayerScheme.FLOAT: None}[scheme]

    @property
    def planned_noise(self) -> float:
        """`Noise.relative` of the layer as the recipe plans it: 0 in float."""
        noise = self.noise(self.planned)
        return noise.relative if noise else 0.0

    def price_ms(self, scheme: LayerScheme, *, above: LayerScheme | None = None) -> float | None:
        """Median time in `scheme` minus that in `above`, by default as planned, ms; None where it was not measured."""
        if self.times is None or scheme not in self.times:
            return None
        return round(self.times[scheme].median_ms - self.times[above or self.planned].median_ms, 4)


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """What each layer costs, and all of them together. Deterministic but for times and `stages`."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)] = SCHEMA_VERSION
    levit_edge_version: str
    model: str
    """The name of the size."""
    checkpoint: CheckpointProvenance
    recipe: dict[str, Any]
    samples: int
    labelled: bool
    top1: float | None
    """Percent, of the float network; None without labels."""
    images: ImageProvenance
    calibration: ImageProvenance
    all_static: Noise
    """Every layer static at once."""
    as_planned: Noise
    """Every layer as the recipe plans it, at once."""
    layers: tuple[LayerSensitivity, ...]
    """In execution order."""
    runtime: str | None
    """What times were measured in, such as `executorch 1.4.1`; None if none were."""
    threads: int
    host: dict[str, str]
    stages: tuple[StageRecord, ...]


def sensitivity(
    checkpoint: str | Path | None = None,
    *,
    size: str | None = None,
    weights: str | None = None,
    calibration: Path | None = None,
    evaluation: Path | None = None,
    recipe: Recipe | None = None,
    options: ImageOptions = SAMPLE,
    costs: bool = True,
    listener: StageListener | None = None,
    warn: Callable[[str], None] = lambda _message: None,
) -> Sensitivity:
    """Measure what quantizing each layer costs, on the evaluation images, by default 128.

    The first seven are those of `levit_edge.quantize`. Noise is that of the eager simulation, which differs from the
    files by float rounding; with `costs`, times are measured in ExecuTorch, single-threaded.

    Raises:
        LevitEdgeError: see `levit_edge.errors`.
    """
    stages = Stages(listener)
    run = prepare(
        checkpoint,
        size,
        weights,
        calibration=calibration,
        evaluation=evaluation,
        recipe=recipe or Recipe(),
        options=options,
        stages=stages,
        warn=warn,
    )
    calibrated = run.calibrate(stages)
    plan, sites = calibrated.plan, layer_sites(calibrated.plan.deploy, torch.from_numpy(calibrated.golden[:1]))
    noises, whole, images = _measure(run, plan, _sample(run), stages)
    times = None
    if costs:
        with stages.stage("measure time", total=len(sites)) as advance:
            times = layer_costs(plan, sites, advance=advance)
    counts = whole["planned"].reference_counts
    return Sensitivity(
        levit_edge_version=version("levit-edge"),
        model=run.trained.config.name,
        checkpoint=run.provenance,
        recipe=to_json(run.recipe),
        samples=images.count,
        labelled=run.images.evaluation.labels is not None,
        top1=100 * counts.top1 / counts.samples if counts.samples else None,
        images=images,
        calibration=calibrated.provenance(run.images.calibration_source),
        all_static=_noise(whole["static"]),
        as_planned=_noise(whole["planned"]),
        layers=tuple(_row(plan, name, noises, sites[name], times) for name in plan.layers),
        runtime=f"{Runtime.EXECUTORCH} {runtime_version(Runtime.EXECUTORCH)}" if costs else None,
        threads=THREADS,
        host=describe_host(),
        stages=tuple(stages.records),
    )


def _sample(run: Prepared) -> ImageSet:
    """The evaluation images, not more than the limit: without a folder of them there may be."""
    images, limit = run.images.evaluation, run.options.limit
    return images if limit is None or len(images) <= limit else balanced_sample(images, limit, seed=0)


def _measure(
    run: Prepared, plan: Plan, images: ImageSet, stages: Stages
) -> tuple[dict[tuple[str, Kind], LogitNoise], dict[str, LogitNoise], ImageProvenance]:
    """The noise of each layer, that of all `static` and as `planned`, and the images that were read."""
    with Decoder(images.images, run.preprocessing, run.options) as decoder:
        with stages.stage("measure noise", total=len(decoder)) as advance:
            layers = layer_noise(plan, labelled(decoder, images.labels), [*Rounded, *int8_schemes()], advance)
        with stages.stage("measure whole", total=len(decoder)) as advance:
            static = plan.with_schemes(dict.fromkeys(plan.layers, LayerScheme.STATIC))
            networks = {"static": simulate(static), "planned": simulate(plan)}
            whole = network_noise(FloatLogits(plan.deploy), networks, labelled(decoder, images.labels), advance)
        return layers, whole, ImageProvenance.of(run.images.evaluation_source, images, decoder.bad)


def _row(
    plan: Plan,
    name: str,
    noises: dict[tuple[str, Kind], LogitNoise],
    site: LayerSite,
    times: dict[str, dict[LayerScheme, Timing]] | None,
) -> LayerSensitivity:
    measured = {kind: _noise(noises[name, kind]) for each, kind in noises if each == name}
    return LayerSensitivity(
        layer=name,
        kind="linear" if isinstance(quantizable_layers(plan.deploy)[name], torch.nn.Linear) else "convolution",
        planned=plan.layers[name].scheme,
        multiply_adds=site.multiply_adds,
        weights=measured[Rounded.WEIGHTS],
        activations=measured[Rounded.ACTIVATIONS],
        static=measured[LayerScheme.STATIC],
        dynamic=measured.get(LayerScheme.DYNAMIC),
        times=None if times is None else {str(scheme): timing for scheme, timing in times[name].items()},
    )


def _noise(tally: LogitNoise) -> Noise:
    comparison, images = tally.comparison, tally.reference_counts.samples
    return Noise(
        relative=tally.relative_noise,
        sqnr_db=comparison.sqnr_db,
        agreement=100 * comparison.same / comparison.samples,
        drop_pt=100 * (comparison.lost - comparison.gained) / images if images else None,
        flips_lost=comparison.lost if images else None,
        flips_gained=comparison.gained if images else None,
    )

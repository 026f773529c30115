"""A small sensitivity made by hand, for what is shown of one."""

from levit_edge.bundle.manifest import CheckpointProvenance, ImageProvenance
from levit_edge.bundle.recipe import LayerScheme
from levit_edge.quantize.analysis.layer_cost import Timing
from levit_edge.quantize.analysis.sensitivity import LayerSensitivity, Noise, Sensitivity


def noise(sqnr_db: float | None, *, labelled: bool = True) -> Noise:
    return Noise(
        relative=0.0 if sqnr_db is None else 10 ** (-sqnr_db / 10),
        sqnr_db=sqnr_db,
        agreement=100.0,
        drop_pt=-0.5 if labelled else None,
        flips_lost=12 if labelled else None,
        flips_gained=13 if labelled else None,
    )


def row(
    layer: str,
    static_db: float | None,
    dynamic_db: float | None = None,
    planned: LayerScheme = LayerScheme.STATIC,
    *,
    timed: bool = True,
    labelled: bool = True,
) -> LayerSensitivity:
    times = {"float": Timing(median_ms=1.5, minimum_ms=1.0), "static": Timing(median_ms=0.5, minimum_ms=0.4)}
    if dynamic_db is not None:
        times["dynamic"] = Timing(median_ms=0.75, minimum_ms=0.5)
    return LayerSensitivity(
        layer=layer,
        kind="linear",
        planned=planned,
        multiply_adds=1000,
        weights=noise(120.5, labelled=labelled),
        activations=noise(static_db, labelled=labelled),
        static=noise(static_db, labelled=labelled),
        dynamic=None if dynamic_db is None else noise(dynamic_db, labelled=labelled),
        times=times if timed else None,
    )


def example(*layers: LayerSensitivity) -> Sensitivity:
    images = ImageProvenance(source="photographs", count=64, sha256="0" * 64)
    labelled = layers[0].static.flips_lost is not None
    return Sensitivity(
        levit_edge_version="0.1.0",
        model="demo",
        checkpoint=CheckpointProvenance(source="tiny.pth", format="original", sha256="0" * 64),
        recipe={"schema_version": 3},
        samples=64,
        labelled=labelled,
        top1=75.0 if labelled else None,
        images=images,
        calibration=images,
        all_static=noise(25.0, labelled=labelled),
        as_planned=noise(28.0, labelled=labelled),
        layers=layers,
        runtime=None if layers[0].times is None else "executorch 1.4.1",
        threads=1,
        host={"processor": "a desk calculator", "architecture": "none"},
        stages=(),
    )

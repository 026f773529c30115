"""What `quantize` keeps for the report: each layer's noise and ranges, the images that flipped, a short measurement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from levit_edge.benchmark.files import shareable
from levit_edge.benchmark.measurement import Measurement
from levit_edge.board.measure import BenchmarkSettings, measure
from levit_edge.board.transports.local import LocalTransport
from levit_edge.bundle.manifest import Artifact, Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.data.locations import Location
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import BoardError
from levit_edge.quantize.analysis.layer_sqnr import layer_sqnr
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.prepare import Prepared
from levit_edge.quantize.ranges.affine import Range
from levit_edge.report.flips import FlipLog
from levit_edge.report.report_data import ActivationRange, Flips, LayerReportData, ReportData
from levit_edge.runtime.evaluation.verify import evaluate
from levit_edge.system.progress import Stages

__all__ = ["evaluate_files", "layer_report_data", "measure_here"]

LAYER_IMAGES = 32
"""No more, as each image takes two passes."""
TIMED_RUNS = 40


def evaluate_files(
    run: Prepared, models: Mapping[Artifact, Callable[[], bytes]], stages: Stages, *, thumbnails: bool
) -> tuple[Verification, Flips]:
    """What `models`, read by their functions, did on the evaluation images, and images that flip; see `FlipLog.flips`.

    Of `run` neither network needs to have its weights any more.

    Raises:
        DataError: images cannot be read, and are not to be skipped.
    """
    images, log = run.images.evaluation, FlipLog()
    verification = evaluate(
        models,
        images,
        run.preprocessing,
        source=run.images.evaluation_source,
        options=run.options,
        rules=run.rules.of_weights(run.trained.config, run.trained.sha256),
        stages=stages,
        flips=log.add,
    )
    return verification, log.flips(images, run.preprocessing, thumbnails=thumbnails)


def layer_report_data(
    plan: Plan, calibration: Sequence[Location], preprocessing: Preprocessing, stages: Stages, *, limit: int | None
) -> ReportData:
    """Report data with each layer's noise over the first `calibration` images, and its ranges."""
    images = calibration[:LAYER_IMAGES]
    with (
        stages.stage("measure layers", total=len(images)) as advance,
        CalibrationImages(images, preprocessing, ImageOptions(workers=0)) as passes,
    ):
        sqnr = layer_sqnr(plan, passes.tensors(advance))
    layers = tuple(
        LayerReportData(
            layer=name, sqnr_db=sqnr[name], input=_interval(layer.ranges.input), output=_interval(layer.ranges.output)
        )
        for name, layer in plan.layers.items()
    )
    return ReportData(limit=limit, layer_images=len(images), layers=layers)


def measure_here(bundle: Bundle, name: str, stages: Stages, warn: Callable[[str], None]) -> Measurement | None:
    """Time the files of `bundle` on this computer, one thread; None, and a warning, if that cannot be done.

    `name` is what the bundle will be called; its manifest is not written yet, so the measurement has no digest of it.
    """
    settings = BenchmarkSettings(threads=(1,), runs=TIMED_RUNS)
    try:
        with stages.stage("measure latency"):
            measured = shareable(measure(bundle, LocalTransport(), settings))
    except BoardError as error:
        warn(f"the report will have no latency: {error}")
        return None
    return replace(measured, bundle=name)


def _interval(bounds: Range) -> ActivationRange:
    return ActivationRange(minimum=bounds.minimum, maximum=bounds.maximum)

"""A bundle with all that a report can show: real files, real figures, and evidence of which a part is made up."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from levit_edge.bundle.manifest import LayerRecord, Manifest, Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.bundle.writer import new_bundle
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import calibration_images, evaluation_images
from levit_edge.data.options import ImageOptions
from levit_edge.report.flips import FlipLog
from levit_edge.report.report_data import (
    REPORT_DATA_FILE,
    ActivationRange,
    LayerReportData,
    ReportData,
    report_data_file,
)
from levit_edge.runtime.evaluation.verify import evaluate
from tests.board.example import MEASUREMENT

LABELS = ("red", "green", "blå")
SCHEMES = {
    "stem.conv1": LayerScheme.DYNAMIC,
    "blocks.0.q": LayerScheme.STATIC,
    "blocks.0.proj": LayerScheme.STATIC,
    "head": LayerScheme.FLOAT,
}
LAYERS = tuple(
    LayerReportData(
        layer=name,
        sqnr_db=None if scheme == "float" else 30.0 + place,
        input=ActivationRange(minimum=-2.0, maximum=4.0 * 10**place),
        output=ActivationRange(minimum=-0.5, maximum=1.5),
    )
    for place, (name, scheme) in enumerate(SCHEMES.items())
)
Change = Callable[[Manifest, ReportData], tuple[Manifest, ReportData]]


def evaluated(bundle: Bundle, photographs: Path) -> tuple[Verification, FlipLog]:
    """The bundle's files over the labelled `photographs`."""
    flips, manifest = FlipLog(), bundle.manifest
    images = evaluation_images(photographs, ModelClasses(outputs=manifest.config.classes, names=LABELS))
    models = {artifact: partial(bundle.read, artifact.file) for artifact in manifest.artifacts}
    return evaluate(
        models, images, manifest.preprocessing, source="val", flips=flips.add, options=ImageOptions(workers=0)
    ), flips


def report_bundle(
    path: Path,
    tiny: Path,
    photographs: Path,
    *,
    labels: tuple[str, ...] = LABELS,
    change: Change = lambda manifest, report_data: (manifest, report_data),
) -> Bundle:
    """The bundle `tiny` with evidence, written to `path`."""
    source = Bundle.open(tiny)
    verification, flips = evaluated(source, photographs)
    manifest = replace(
        source.manifest,
        verification=verification,
        recipe=Recipe(dynamic_layers=("*.proj",)),
        layers=tuple(
            LayerRecord(layer=name, scheme=scheme, input=None, output=None, weights_sha256=None)
            for name, scheme in SCHEMES.items()
        ),
    )
    report_data = ReportData(
        limit=None,
        layer_images=32,
        layers=LAYERS,
        flips=flips.flips(calibration_images(photographs), manifest.preprocessing, thumbnails=True),
        latency=replace(MEASUREMENT, target="local", model=replace(MEASUREMENT.model, manifest_sha256="")),
    )
    manifest, report_data = change(manifest, report_data)
    with new_bundle(path) as writer:
        for artifact in manifest.artifacts:
            writer.add(artifact.file, source.read(artifact.file))
        writer.add("labels.txt", "".join(f"{label}\n" for label in labels).encode())
        writer.add("golden.npz", source.read("golden.npz"))
        writer.add(REPORT_DATA_FILE, report_data_file(report_data))
        return writer.commit(replace(manifest, files=dict(writer.files)))

"""A bundle -> the bytes of a package. The same bundle and the same levit-edge give the same bytes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import levit_edge
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import Artifact, Manifest, Verification
from levit_edge.bundle.passed_on import last_part
from levit_edge.bundle.reader import Bundle
from levit_edge.data.preprocess import Preprocessing
from levit_edge.device.golden import LEAST_SQNR_DB
from levit_edge.documents import UNPAIRED, to_json
from levit_edge.errors import BundleError
from levit_edge.package.archive import write_archive
from levit_edge.package.contents import (
    DOCUMENT_FILE,
    GOLDEN_INPUT_FILE,
    LABELS_FILE,
    LICENSE_FILE,
    NOTICE_FILE,
    README_FILE,
    SOURCE_FILES,
    Purpose,
    golden_output_file,
    model_files,
    runtimes_of,
)
from levit_edge.package.document import (
    FLOAT16_KIND,
    Accuracy,
    Evaluation,
    FloatArray,
    ImagesUsed,
    InputFormat,
    PackageDocument,
    PackedCheckpoint,
    PackedFile,
    PackedModel,
    version_of,
)
from levit_edge.package.notice import license_text, notice
from levit_edge.package.readme import readme

__all__ = ["pack", "packed_files"]

APP_INTERPOLATION = "bicubic"
GOLDEN_IMAGES = 2
"""More than one, so that what answers the same to everything fails; few, as an app carries them."""


def pack(bundle: Bundle, purpose: Purpose) -> bytes:
    """The package of the bundle's int8 files, for one of the purposes `ZIPPED`.

    Raises:
        BundleError: the bundle lacks a file that the package needs, or it is damaged; or the app cannot preprocess so.
        PackageError: this installation of levit-edge is not whole.
    """
    int8 = [bundle.artifact(runtime, Precision.INT8) for runtime in runtimes_of(purpose)]
    float16 = [each for each in bundle.manifest.artifacts if (each.runtime, each.precision) == FLOAT16_KIND]
    artifacts = [*int8, *float16]
    others = _for_board(bundle, artifacts) if purpose is Purpose.BOARD else None
    files = packed_files(bundle, purpose, artifacts, others)
    return write_archive(files)


def packed_files(
    bundle: Bundle, purpose: Purpose, artifacts: Sequence[Artifact], others: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """The files of a package, `model.json` among them.

    `artifacts` are its models in the order of `model_files`, `others` what a package has beside models, labels, notice
    and golden values. Only int8 is handed on; others are for pages and for timing on a phone.

    Raises:
        BundleError, PackageError: as for `pack`.
    """
    manifest = bundle.manifest
    if purpose is Purpose.ANDROID:
        _check_app_can(manifest.preprocessing)
    models = dict(zip(model_files(purpose, second=len(artifacts) > len(runtimes_of(purpose))), artifacts, strict=True))
    origin = manifest.checkpoint
    checkpoint = PackedCheckpoint(source=last_part(origin.source), format=origin.format, sha256=origin.sha256)
    files = {
        LABELS_FILE: bundle.read(manifest.labels_file),
        NOTICE_FILE: notice(checkpoint, purpose, models).encode("utf-8", UNPAIRED),
        **(others or {}),
    }
    bundle.labels()  # checks that there is one for each class
    golden = bundle.golden()
    files[GOLDEN_INPUT_FILE] = _floats(golden, "inputs", bundle)
    for name, artifact in models.items():
        files[name] = bundle.read(artifact.file)
        files[golden_output_file(name)] = _floats(golden, artifact.file, bundle)
    images, size = len(golden["inputs"][:GOLDEN_IMAGES]), manifest.preprocessing.image_size
    document = PackageDocument(
        schema_version=version_of(files, [each.precision for each in artifacts]),
        levit_edge_version=version("levit-edge"),
        purpose=purpose,
        name=manifest.config.name,
        classes=manifest.config.classes,
        labels_file=LABELS_FILE,
        input=InputFormat.of(manifest.preprocessing),
        golden_input=FloatArray(file=GOLDEN_INPUT_FILE, shape=(images, 3, size, size)),
        models=tuple(_model(manifest, name, each, files[name], images) for name, each in models.items()),
        evaluation=_evaluation(manifest.verification),
        checkpoint=checkpoint,
        calibration=ImagesUsed(
            source=last_part(manifest.calibration.source),
            count=manifest.calibration.count,
            sha256=manifest.calibration.sha256,
        ),
        quantized_utc=manifest.created_utc,
        manifest_sha256=bundle.manifest_sha256 if purpose is Purpose.WEB else None,
        files={
            name: PackedFile(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in sorted(files.items())
        },
    )
    entries = {key: value for key, value in to_json(document).items() if value is not None}
    text = json.dumps(entries, indent=1, ensure_ascii=False)
    return files | {DOCUMENT_FILE: text.encode("utf-8", UNPAIRED) + b"\n"}


def _for_board(bundle: Bundle, artifacts: Sequence[Artifact]) -> dict[str, bytes]:
    """What a package for a board has beside models, labels and notice."""
    names = model_files(Purpose.BOARD, second=len(artifacts) > len(runtimes_of(Purpose.BOARD)))
    text = readme(bundle, list(zip(names, artifacts, strict=True)))
    return {**_programs(), README_FILE: text.encode("utf-8", UNPAIRED)}


def _programs() -> dict[str, bytes]:
    """What runs on a board."""
    home = Path(levit_edge.__file__).parent
    sources = {name: (home / source).read_bytes() for name, source in SOURCE_FILES.items()}
    return sources | {LICENSE_FILE: license_text().encode()}


def _check_app_can(preprocessing: Preprocessing) -> None:
    """Raise a BundleError if the Java code makes other inputs of photographs than the model was measured with."""
    if preprocessing.squash or preprocessing.interpolation != APP_INTERPOLATION:
        does = f"crop squash ({preprocessing.interpolation})" if preprocessing.squash else preprocessing.interpolation
        raise BundleError(
            f"this model's photographs are resized with {does}, and the Android code does {APP_INTERPOLATION} with the"
            f" centre crop alone. Quantize with --interpolation {APP_INTERPOLATION} --crop center, and see what"
            " accuracy that leaves; packages --for board can do it."
        )


def _model(manifest: Manifest, name: str, artifact: Artifact, data: bytes, images: int) -> PackedModel:
    runtime, maker = artifact.runtime, artifact.runtime.entry.maker
    made_with = manifest.tools.get(maker)
    if made_with is None:
        raise BundleError(f"the manifest does not say which {maker} made the files. Make the bundle again.")
    return PackedModel(
        file=name,
        runtime=runtime,
        precision=artifact.precision,
        made_with=made_with,
        oldest_runtime=runtime.entry.oldest(made_with, data),
        golden_output=FloatArray(file=golden_output_file(name), shape=(images, manifest.config.classes)),
        least_sqnr_db=LEAST_SQNR_DB[artifact.precision],
        accuracy=_accuracy(manifest.verification, artifact.file),
    )


def _accuracy(verification: Verification, artifact: str) -> Accuracy | None:
    for result in verification.results:
        if result.artifact == artifact:
            return Accuracy(**{field.name: getattr(result, field.name) for field in fields(Accuracy)})
    return None


def _evaluation(verification: Verification) -> Evaluation:
    return Evaluation(
        samples=verification.samples,
        labelled=verification.labelled,
        source=last_part(verification.images.source),
        sha256=verification.images.sha256,
        runtimes=verification.runtimes,
        processor=verification.host.get("processor", "unknown"),
        gate=verification.gate,
    )


def _floats(arrays: Mapping[str, NDArray[np.float32]], name: str, bundle: Bundle) -> bytes:
    """The first golden images of one array, as a package holds them."""
    if name not in arrays:
        raise BundleError(f"{bundle.path / bundle.manifest.golden_file} has no {name!r}. Make the bundle again.")
    return np.ascontiguousarray(arrays[name][:GOLDEN_IMAGES], "<f4").tobytes()

"""A small bundle with int8 files for both runtimes, and its packages."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact, ArtifactResult
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.package.contents import Purpose
from levit_edge.package.pack import pack
from levit_edge.report.report_data import REPORT_DATA_FILE

PTE = b"not a program: no runtime opens it in these tests"
FLOAT16_PTE = b"no program either"
RESULT = ArtifactResult(
    artifact="int8.pte",
    runtime=Runtime.EXECUTORCH,
    precision=Precision.INT8,
    size_bytes=len(PTE),
    top1=70.0,
    top5=95.0,
    drop_pt=0.5,
    drop_ci95_pt=(-1.0, 2.0),
    agreement=98.0,
    flips_lost=2,
    flips_gained=1,
    sqnr_db=34.0,
    margin_change_mean=0.0,
    margin_change_worst=-1.0,
    images_per_second=100.0,
)


@pytest.fixture(scope="session")
def packable_bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle with a file that stands for a .pte."""
    tiny = Bundle.open(tiny_bundle)
    golden = io.BytesIO()
    arrays = tiny.golden()
    np.savez(golden, allow_pickle=False, **arrays, **{"int8.pte": arrays["int8.onnx"] + np.float32(1e-3)})
    with new_bundle(tmp_path_factory.mktemp("packable") / "colours") as writer:
        for name in tiny.manifest.files:
            writer.add(name, golden.getvalue() if name == "golden.npz" else tiny.read(name))
        writer.add(REPORT_DATA_FILE, b"photographs: no package has them")
        pte = Artifact(
            file="int8.pte",
            runtime=Runtime.EXECUTORCH,
            precision=Precision.INT8,
            size_bytes=len(PTE),
            sha256=writer.add("int8.pte", PTE),
        )
        manifest = dataclasses.replace(
            tiny.manifest,
            artifacts=(*tiny.manifest.artifacts, pte),
            files=dict(writer.files),
            tools={"onnx": "1.23.2", "executorch": "1.4.1"},
            checkpoint=dataclasses.replace(tiny.manifest.checkpoint, source="/home/someone/secret/tiny.pth"),
            calibration=dataclasses.replace(tiny.manifest.calibration, source="/home/someone/photographs"),
            verification=dataclasses.replace(tiny.manifest.verification, results=(RESULT,)),
        )
        return writer.commit(manifest)


@pytest.fixture(scope="session")
def float16_bundle(packable_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same with a second file that stands for a .pte."""
    golden, arrays = io.BytesIO(), packable_bundle.golden()
    np.savez(golden, allow_pickle=False, **arrays, **{"int8-f16.pte": arrays["int8.onnx"] + np.float32(2e-3)})
    manifest = packable_bundle.manifest
    with new_bundle(tmp_path_factory.mktemp("float16") / "colours") as writer:
        for name in manifest.files:
            writer.add(name, golden.getvalue() if name == "golden.npz" else packable_bundle.read(name))
        pte = Artifact(
            file="int8-f16.pte",
            runtime=Runtime.EXECUTORCH,
            precision=Precision.INT8_FLOAT16,
            size_bytes=len(FLOAT16_PTE),
            sha256=writer.add("int8-f16.pte", FLOAT16_PTE),
        )
        artifacts = (*manifest.artifacts, pte)
        return writer.commit(dataclasses.replace(manifest, artifacts=artifacts, files=dict(writer.files)))


@pytest.fixture(scope="session")
def float16_package(float16_bundle: Bundle) -> bytes:
    """For boards."""
    return pack(float16_bundle, Purpose.BOARD)


@pytest.fixture(scope="session")
def android_package(packable_bundle: Bundle) -> bytes:
    return pack(packable_bundle, Purpose.ANDROID)


@pytest.fixture(scope="session")
def board_package(packable_bundle: Bundle) -> bytes:
    return pack(packable_bundle, Purpose.BOARD)

"""An evaluation of images in an archive is, to the last digit, that of the same images in files."""

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from levit_edge.board.evaluate import verify_on
from levit_edge.board.transports.local import LocalTransport
from levit_edge.bundle.manifest import Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import read_input
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.gate import GateRules
from levit_edge.runtime.evaluation.verify import verify
from tests.data.sources.made_up import write_files, write_tar

CLASSES = ("red", "green", "blå")


@pytest.fixture
def files(labelled_photographs: Path) -> dict[str, bytes]:
    paths = sorted(labelled_photographs.glob("*/*"))
    return {path.relative_to(labelled_photographs).as_posix(): path.read_bytes() for path in paths}


def figures(verification: Verification) -> Verification:
    """Without what is not the same every time, or says where the images were."""
    results = tuple(dataclasses.replace(each, images_per_second=0.0) for each in verification.results)
    images = dataclasses.replace(verification.images, source="")
    return dataclasses.replace(verification, results=results, images=images, host={}, runtimes={})


@pytest.mark.parametrize("workers", [1, 2])
def test_a_tar_file_of_class_folders(
    tiny_bundle: Path, labelled_photographs: Path, files: dict[str, bytes], tmp_path: Path, workers: int
) -> None:
    bundle, options = Bundle.open(tiny_bundle), ImageOptions(workers=workers)
    packed = write_tar(tmp_path / "val.tar", files)
    found = verify(bundle, packed, options=options)
    assert found.images.source == str(packed)
    assert figures(found) == figures(verify(bundle, labelled_photographs, options=options))


def test_images_alone_with_a_table_here_and_on_a_board(
    tiny_bundle: Path,
    labelled_photographs: Path,
    files: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    bundle = Bundle.open(tiny_bundle)
    flat = write_files(tmp_path / "flat", {name.replace("/", "-"): content for name, content in files.items()})
    table = tmp_path / "labels.csv"
    table.write_text("".join(f"{name.replace('/', '-')},{CLASSES.index(name.split('/')[0])}\n" for name in files))
    with pytest.raises(DataError, match=r"or a table \(--labels\)"):
        verify(bundle, flat, rules=GateRules(max_drop_pt=100))
    options = ImageOptions(labels=table, workers=1)
    found = verify(bundle, flat, options=options, rules=GateRules(max_drop_pt=100))
    assert (
        found.results[1].drop_pt == verify(bundle, labelled_photographs, options=options_of(options)).results[1].drop_pt
    )
    on_board = verify_on(bundle, LocalTransport(), flat, options=options, rules=GateRules(max_drop_pt=100))
    assert figures(on_board.verification) == figures(found)


def options_of(options: ImageOptions) -> ImageOptions:
    """The same for images in class folders."""
    return dataclasses.replace(options, labels=None)


def test_fewer_classes_than_outputs_give_a_second_top1(
    tiny_bundle: Path, files: dict[str, bytes], tmp_path: Path, labelled_photographs: Path
) -> None:
    bundle, options = Bundle.open(tiny_bundle), ImageOptions(workers=1)
    assert verify(bundle, labelled_photographs, options=options).among_present is None
    flat = write_files(tmp_path / "flat", {n.replace("/", "-"): c for n, c in files.items() if n[0] in "rb"})
    table = tmp_path / "labels.csv"
    table.write_text(
        "".join(f"{n.replace('/', '-')},{CLASSES.index(n.split('/')[0])}\n" for n in files if n[0] in "rb")
    )
    found = verify(bundle, flat, options=ImageOptions(labels=table, workers=1))
    images = evaluation_images(flat, ModelClasses(outputs=3), ImageOptions(labels=table))
    assert images.labels is not None
    assert found.among_present is not None
    assert found.among_present.classes == 2
    session = onnxruntime.InferenceSession(str(bundle.path / "fp32.onnx"), providers=["CPUExecutionProvider"])
    inputs = [read_input(image, bundle.manifest.preprocessing)[np.newaxis] for image in images.images]
    logits = np.concatenate([session.run(["logits"], {"image": each})[0] for each in inputs])
    right = np.array([0, 2])[logits[:, [0, 2]].argmax(1)] == np.array(images.labels)
    assert found.among_present.top1["fp32.onnx"] == 100 * right.mean()
    assert found.among_present.top1["fp32.onnx"] >= (found.results[0].top1 or 0)
    sampled = verify(bundle, flat, options=ImageOptions(labels=table, workers=1, limit=1)).among_present
    assert sampled is not None
    assert sampled.classes == 2

"""Finished files over a shard, in this process."""

from dataclasses import replace
from pathlib import Path

import pytest

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.sweep.inputs.sources import list_shards
from levit_edge.sweep.tasks.evaluate_task import Evaluate, Evaluated
from levit_edge.sweep.tasks.index_task import INDEX, Index
from levit_edge.sweep.tasks.store import Store


@pytest.mark.usefixtures("no_float16")
def test_a_file_that_the_processor_cannot_run_is_left_out_and_the_others_run(
    tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    bundle, store = Bundle.open(tiny_bundle), Store(str(tmp_path / "store"))
    for each in bundle.manifest.artifacts:
        store.add(bundle.read(each.file))
    int8 = bundle.artifact(Runtime.ONNXRUNTIME, Precision.INT8)
    half = replace(int8, file="int8-f16.onnx", precision=Precision.INT8_FLOAT16, sha256="f" * 64)
    artifacts = (*bundle.manifest.artifacts, half)  # it is not even loaded: the store has no such blob
    (shard,) = list_shards(str(labelled_photographs), 500).shards
    results = Evaluate(
        artifacts=artifacts,
        shard=Index(shard=shard).run(store)[""].blobs[INDEX],
        labels=(0,) * 32,
        images="0" * 64,
        present=(0, 1),
        preprocessing=bundle.manifest.preprocessing,
        classes=3,
        skip_bad_images=False,
    ).run(store)
    found = {each.file: results[each.sha256].read(Evaluated) for each in artifacts}
    assert {file: each.tally.images for file, each in found.items()} == {
        "fp32.onnx": 32,
        "int8.onnx": 32,
        "int8-f16.onnx": 0,
    }
    why = "int8-f16.onnx computes in float16, and Cortex-A53 has none: use int8.onnx"
    assert [each.not_run for each in found.values()] == [None, None, why]
    assert [each.right_among_present is None for each in found.values()] == [False, False, True]

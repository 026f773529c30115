import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact, ArtifactResult
from levit_edge.documents import from_json, to_json
from levit_edge.errors import BundleError
from levit_edge.runtime.evaluation.evaluator import Answer
from levit_edge.runtime.evaluation.gate import NO_GATE, GateRules, gate
from levit_edge.runtime.evaluation.tally import Tallies, Tally

Image = tuple[Answer, int | None]
CLASSES = 6


def artifact(runtime: Runtime, precision: Precision) -> Artifact:
    return Artifact(file=f"{precision}.{runtime}", runtime=runtime, precision=precision, size_bytes=1, sha256="0" * 64)


ARTIFACTS = [
    artifact(Runtime.EXECUTORCH, Precision.INT8),
    artifact(Runtime.ONNXRUNTIME, Precision.FP32),
    artifact(Runtime.EXECUTORCH, Precision.FP32),
    artifact(Runtime.ONNXRUNTIME, Precision.INT8),
]
few_values = st.sampled_from([-2.0, 0.0, 0.25, 3.0])  # so that ties are common
answers = st.builds(
    Answer,
    logits=npst.arrays(np.float32, (len(ARTIFACTS), CLASSES), elements=few_values | st.floats(-1e4, 1e4, width=32)),
    seconds=st.tuples(*[st.floats(1e-6, 10)] * len(ARTIFACTS)),
)
labelled = st.lists(st.tuples(answers, st.integers(0, CLASSES - 1)), max_size=12)
unlabelled = st.lists(st.tuples(answers, st.none()), max_size=12)


def counted(images: list[Image]) -> Tallies:
    tallies = Tallies(ARTIFACTS)
    for answer, label in images:
        tallies.count(answer, label)
    return tallies


def sent(tally: Tally) -> Tally:
    """Through a file."""
    return read(json.loads(json.dumps(to_json(tally), allow_nan=False)))


def read(document: object) -> Tally:
    return from_json(Tally, document, BundleError, "the tally")


@given(labelled | unlabelled, st.integers(1, 5), st.integers())
def test_parts_merged_in_any_order_give_what_the_whole_gives(images: list[Image], parts: int, seed: int) -> None:
    random = Random(seed)
    shards: list[list[Image]] = [[] for _ in range(parts)]
    for image in random.sample(images, len(images)):
        random.choice(shards).append(image)
    merged, whole = Tallies(ARTIFACTS), counted(images)
    for shard in shards:
        for each, tally in counted(shard).by_artifact.items():
            merged.by_artifact[each].merge(sent(tally))
    assert merged.by_artifact == whole.by_artifact
    assert merged.results() == whole.results()
    assert gate(merged.results(), GateRules(max_drop_pt=0.5)) == gate(whole.results(), GateRules(max_drop_pt=0.5))


def test_sums_in_another_order_would_not_be_equal() -> None:
    """The parts that `test_parts_merged…` draws are worth merging exactly."""
    logits = np.random.default_rng(0).normal(size=(300, len(ARTIFACTS), CLASSES)).astype(np.float32)
    noises = [float(np.square(each[0].astype(np.float64) - each[2]).sum()) for each in logits]
    assert sum(noises) != sum(reversed(noises))
    seconds = (0.1,) * len(ARTIFACTS)
    images: list[Image] = [(Answer(logits=each, seconds=seconds), None) for each in logits]
    assert counted(images).results() == counted(images[::-1]).results()
    assert counted(images).by_artifact[ARTIFACTS[0]].comparison.noise.value == math.fsum(noises)


@pytest.fixture
def whole() -> Tallies:
    """Ten labelled images, on which the fp32 files are right and int8 often wrong."""
    generator = np.random.default_rng(1)
    images: list[Image] = []
    for label in range(10):
        right: npt.NDArray[np.float32] = np.zeros((len(ARTIFACTS), CLASSES), np.float32)
        right[:, label % CLASSES] = 3
        right[0] += generator.normal(scale=3, size=CLASSES).astype(np.float32)
        images.append((Answer(logits=right, seconds=(0.5, 1.0, 2.0, 0.25)), label % CLASSES))
    return counted(images)


def test_each_artifact_is_compared_with_fp32_in_its_runtime(whole: Tallies) -> None:
    results = {result.artifact: result for result in whole.results()}
    assert list(results) == ["fp32.executorch", "int8.executorch", "fp32.onnxruntime", "int8.onnxruntime"]
    assert [result.images_per_second for result in results.values()] == [0.5, 2, 1, 4]
    assert (results["int8.onnxruntime"].agreement, results["int8.onnxruntime"].sqnr_db) == (100, None)
    wrong = results["int8.executorch"]
    assert wrong.drop_pt is not None
    assert wrong.drop_pt > 0
    assert wrong.flips_lost == wrong.drop_pt / 10
    assert results["fp32.executorch"].drop_pt is None


def test_the_gate_takes_all_drops_and_needs_one(whole: Tallies) -> None:
    results = whole.results()
    worst = max(result.drop_pt or 0 for result in results)
    assert gate(results, GateRules(max_drop_pt=worst)).passed is True
    assert gate(results, GateRules(max_drop_pt=worst - 0.001)).passed is False
    assert gate(results, NO_GATE).passed is None
    assert (
        gate([result for result in results if result.precision is Precision.FP32], GateRules(max_drop_pt=1.0)).passed
        is None
    )


def test_a_runtime_without_a_reference_is_an_error() -> None:
    with pytest.raises(BundleError, match="no fp32 artifact for executorch"):
        Tallies(ARTIFACTS[:2])


def damage(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def put(document: dict[str, Any]) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return put


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (damage("images", value=11), "contradict"),
        (damage("images", value="10"), "images is '10', expected int"),
        (damage("seconds", value="-1"), "contradict"),
        (damage("seconds", value=5.0), "seconds is 5.0, expected str"),
        (damage("seconds", value="00"), "seconds is '00': expected at most"),
        (damage("counts", "top1", value=11), "contradict"),
        (damage("counts", "top5", value=-1), "contradict"),
        (damage("counts", "samples", value=9), "contradict"),
        (damage("comparison", "samples", value=9), "contradict"),
        (damage("comparison", "same", value=10), "contradict"),
        (damage("comparison", "lost", value=10), "contradict"),
        (damage("comparison", "gained", value=-1), "contradict"),
        (damage("comparison", "noise", value="-f"), "contradict"),
        (damage("comparison", "signal", value="f" * 9999), "comparison.signal is 'fff.*expected at most"),
        (damage("comparison", "signal", value="nan"), "comparison.signal is 'nan': expected at most"),
        (damage("comparison", "margin_change_worst", value=None), "contradict"),
        (damage("comparison", "margin_change_worst", value=math.inf), "contradict"),
        (damage("more", value=1), "unknown keys"),
    ],
)
def test_damaged_documents_are_refused(whole: Tallies, change: Callable[[Any], None], said: str) -> None:
    document = json.loads(json.dumps(to_json(whole.by_artifact[ARTIFACTS[0]])))
    read(document)
    change(document)
    with pytest.raises(BundleError, match=f"^the tally is not valid: .*{said}"):
        read(document)


@pytest.mark.parametrize("document", [None, [], "tally", 1])
def test_other_documents_are_refused(document: object) -> None:
    with pytest.raises(BundleError, match="the tally is not valid"):
        read(document)


sums = st.integers(0, 2200).map(lambda exponent: f"{1 << exponent:x}")


@given(seconds=sums, signal=sums, noise=sums, margins=sums, images=st.sampled_from([1, 2**53]))
def test_whatever_is_read_has_figures(seconds: str, signal: str, noise: str, margins: str, images: int) -> None:
    document = {
        "images": images,
        "seconds": seconds,
        "counts": {"samples": images, "top1": 0, "top5": images},
        "comparison": {
            "samples": images, "same": 0, "lost": images, "gained": 0, "signal": signal, "noise": noise,
            "margin_change_sum": margins, "margin_change_worst": -1.7e308,
        },
    }  # fmt: skip
    try:
        tally = read(document)
    except BundleError:
        return
    tally.merge(read(document))
    assert isinstance(tally.result(ARTIFACTS[0]), ArtifactResult)

"""Whole sweeps over images as people have them: a table, a parquet file, an archive, on what another sweep has left.

Labels are known by the counts: some of the images are labelled with what the fp32 network says, the others are not, and
each source has another number of these.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest

from levit_edge import demo
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.classes import PairingRule
from levit_edge.data.preprocess import decode_input
from levit_edge.runtime.evaluation.evaluator import Evaluator, Model
from levit_edge.sweep import sweep as sweeping
from levit_edge.sweep.engines.environment import environment
from levit_edge.sweep.engines.local_engine import LocalEngine
from levit_edge.sweep.outcome.results import SweepResults
from levit_edge.sweep.plan import read_plan
from tests.data.sources.made_up import write_files, write_tar
from tests.sweep.test_sweep import done

pytestmark = pytest.mark.export
PLAN = """
[[checkpoints]]
path = "{checkpoint}"
[recipes.mixed]
calibration_images = 16
[calibration]
images = "{calibration}"
[evaluation]
{evaluation}
shard_images = 4
"""
COUNT = 6


@pytest.fixture(scope="module")
def output(
    first: tuple[Path, SweepResults], small_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """An output in which all is done but for the evaluation, and one worker process for the sweeps that write it."""
    output, here = tmp_path_factory.mktemp("foreign") / "output", environment()
    shutil.copytree(first[0] / "store", output / "store")
    shutil.copy(small_checkpoint, output.parent)
    with (
        LocalEngine(f"{output}/store", here, "foreign", workers=1, memory_bytes=1 << 62) as engine,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sweeping, "open_engine", lambda *_arguments, **_options: nullcontext(engine))
        yield output


@pytest.fixture(scope="module")
def photographs(first: tuple[Path, SweepResults]) -> list[tuple[bytes, int]]:
    """Some, of several classes, and the output that fp32 gives each."""
    bundle = Bundle.open(first[0] / "bundles" / "small")
    evaluator = Evaluator(bundle.manifest.preprocessing)
    fp32 = bundle.artifact(Runtime.ONNXRUNTIME, Precision.FP32)
    evaluator.add(Model(file=fp32.file, runtime=fp32.runtime, read=partial(bundle.read, fp32.file), classes=10))
    contents = [path.read_bytes() for path in sorted(demo.evaluation_dir().glob("*/*"))[:: 120 // COUNT]]
    images = [decode_input(content, "it", bundle.manifest.preprocessing) for content in contents]
    found = [int(evaluator.answer(image).logits[0].argmax()) for image in images]
    assert len(set(found)) > 1
    return list(zip(contents, found, strict=True))


def labelled(photographs: Sequence[tuple[bytes, int]], right: int) -> list[tuple[bytes, int]]:
    """With labels, as many of which as `right` says are what fp32 gives."""
    return [(content, (output + (place >= right)) % 10) for place, (content, output) in enumerate(photographs)]


def swept(folder: Path, output: Path, evaluation: str) -> SweepResults:
    plan = folder / "plan.toml"
    plan.write_text(
        PLAN.format(
            checkpoint=output.parent / "small.safetensors", calibration=demo.calibration_dir(), evaluation=evaluation
        )
    )
    return sweeping.sweep(read_plan(plan), str(output))


def check(results: SweepResults, right: int, rule: PairingRule) -> None:
    (candidate,) = results.candidates
    assert candidate.problems == ()
    found = candidate.verification
    assert found is not None
    assert set(done(results)) <= {"index", "identify", "evaluate"}, "nothing is made anew"
    fp32 = candidate.result(Runtime.ONNXRUNTIME, Precision.FP32)
    assert fp32 is not None
    assert found.samples == COUNT
    assert fp32.top1 == pytest.approx(100 * right / COUNT)
    assert found.classes is not None
    assert found.classes.rule is rule


def test_images_alone_with_a_table_of_them_and_one_of_the_classes(
    photographs: list[tuple[bytes, int]], output: Path, tmp_path: Path
) -> None:
    labels = {f"{number}.jpg": each for number, each in enumerate(labelled(photographs, 3))}
    write_files(tmp_path / "val", {name: content for name, (content, _) in labels.items()})
    (tmp_path / "val.txt").write_text("".join(f"{name} kind{label}\n" for name, (_, label) in labels.items()))
    (tmp_path / "classes.csv").write_text("".join(f"kind{number},{number}\n" for number in range(10)))
    tables = 'images = "val"\nlabels = "val.txt"\nclasses = "classes.csv"'
    results = swept(tmp_path, output, tables)
    check(results, 3, PairingRule.TABLE)
    bundle = Bundle.open(output / "bundles" / "small")
    assert bundle.manifest.verification.images.tables is not None
    assert sorted(bundle.manifest.verification.images.tables.named()) == ["classes", "labels"]


def test_no_figures_come_of_images_that_all_were_left_out(output: Path, tmp_path: Path) -> None:
    write_files(tmp_path / "val", {"dress/1.jpg": b"damaged", "hat/1.jpg": b"damaged too"})
    (candidate,) = swept(tmp_path, output, 'images = "val"\nskip_bad_images = true').candidates
    assert candidate.problems == (f"{tmp_path}/val: none of its images can be read",)
    assert candidate.verification is None


def test_a_parquet_file(photographs: list[tuple[bytes, int]], output: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows = labelled(photographs, 4)
    images = [{"bytes": content, "path": f"{number}.jpg"} for number, (content, _) in enumerate(rows)]
    table = pa.table({"image": images, "label": [label for _, label in rows]})
    parquet.write_table(table, tmp_path / "val-00000.parquet")
    check(swept(tmp_path, output, 'images = "val-*.parquet"'), 4, PairingRule.INDICES)


def test_a_tar_file_of_class_folders(photographs: list[tuple[bytes, int]], output: Path, tmp_path: Path) -> None:
    names = sorted(folder.name for folder in demo.evaluation_dir().iterdir() if folder.is_dir())
    rows = enumerate(labelled(photographs, 5))
    write_tar(tmp_path / "val.tar", {f"val/{names[label]}/{number}.jpg": content for number, (content, label) in rows})
    check(swept(tmp_path, output, 'images = "val.tar"'), 5, PairingRule.NAMES)

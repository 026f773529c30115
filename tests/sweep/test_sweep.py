"""Whole sweeps of a small network on this machine; one of them makes what the others find in the store."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from levit_edge import demo
from levit_edge.bundle.manifest import Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import Recipe, Scheme
from levit_edge.data.classes import PairingRecord, PairingRule
from levit_edge.data.options import ImageOptions
from levit_edge.documents import to_json
from levit_edge.errors import BundleError, CheckpointError, DataError, ExitStatus, OutputError, PlanError
from levit_edge.quantize.pipeline import quantize
from levit_edge.runtime.evaluation.verify import verify
from levit_edge.sweep.outcome.results import SweepResults
from levit_edge.sweep.plan import Calibration, CheckpointSource, Evaluation, Gates, Latency, SweepPlan
from levit_edge.sweep.sweep import sweep
from tests.faults.tiny_levit import SMALL, write_checkpoint
from tests.sweep.shards import write_shards

pytestmark = pytest.mark.export
MIXED = Recipe(calibration_images=16)
PLAN = SweepPlan(
    checkpoints=(CheckpointSource(size="demo"),),
    recipes={"mixed": MIXED, "static": replace(MIXED, scheme=Scheme.STATIC, float16=False)},
    calibration=Calibration(images=str(demo.calibration_dir())),
    evaluation=Evaluation(images=str(demo.evaluation_dir()), shard_images=50, count=120, per_class=12),
)
ANY = Gates(max_drop_pt=100, allow_poor_fp32=True)  # for networks that nobody trained
Sweep = Callable[[SweepPlan], SweepResults]


@pytest.fixture
def again(first: tuple[Path, SweepResults], tmp_path: Path) -> Sweep:
    """Sweeps that find what the first one has left in the store; their output is `tmp_path / "output"`."""
    shutil.copytree(first[0] / "store", tmp_path / "output" / "store")
    return lambda plan: sweep(plan, str(tmp_path / "output"))


def metrics(verification: Verification | None) -> Any:
    """All of it that does not say when, where and how fast, nor what the labels are called."""
    assert verification is not None
    document = to_json(verification)
    for result in document["results"]:
        del result["images_per_second"]
    images, gate = document["images"]["sha256"], document["gate"]["passed"]
    return document["results"], document["samples"], images, gate, document["among_present"]


def done(results: SweepResults) -> dict[str, int]:
    return {kind: counts.done for kind, counts in results.tasks.items() if counts.done}


def test_merged_shards_are_what_one_machine_gives(first: tuple[Path, SweepResults]) -> None:
    output, results = first
    (winner,) = [each for each in results.candidates if each.winner]
    assert winner.verification is not None
    verified = verify(Bundle.open(output / "bundles" / "small"), demo.evaluation_dir())
    assert metrics(winner.verification) == metrics(verified)
    assert winner.verification.classes == verified.classes
    assert done(results) == {"index": 4, "identify": 1, "export": 1, "calibrate": 1, "quantize": 2, "evaluate": 3}
    assert not any(each.problems for each in results.candidates)


def test_the_files_are_those_of_quantize(
    first: tuple[Path, SweepResults], small_checkpoint: Path, tmp_path: Path
) -> None:
    """In a process with one thread, as tasks have."""
    import torch

    torch.set_num_threads(1)
    recipe = PLAN.recipes["static"]
    calibration = Path(PLAN.calibration.images)
    bundle = quantize(
        checkpoint=small_checkpoint,
        output=tmp_path / "small",
        calibration=calibration,
        recipe=recipe,
        bench=False,
        options=ImageOptions(workers=0),
    )
    (candidate,) = [each for each in first[1].candidates if each.recipe == "static"]
    assert {each.file: each.sha256 for each in candidate.artifacts} == {
        each.file: each.sha256 for each in bundle.manifest.artifacts
    }


def test_a_second_run_takes_everything_from_the_store(
    again: Sweep, first: tuple[Path, SweepResults], two_recipes: SweepPlan
) -> None:
    results = again(two_recipes)
    assert done(results) == {}
    assert results.candidates == first[1].candidates


def test_only_what_is_new_is_done(again: Sweep, two_recipes: SweepPlan, one_recipe: SweepPlan) -> None:
    """One more recipe, calibrated alike, and another size of shards."""
    more = two_recipes.recipes | {"float-head": replace(MIXED, float_layers=("head",), float16=False)}
    results = again(replace(two_recipes, recipes=more))
    assert done(results) == {"quantize": 1, "evaluate": 3}
    other = again(replace(one_recipe, evaluation=replace(one_recipe.evaluation, shard_images=100)))
    assert done(other)["evaluate"] == 1  # images 100 to 119 are the same shard in both
    assert metrics(other.candidates[0].verification) == metrics(results.candidates[0].verification)


def test_tar_shards_give_the_same_figures(
    again: Sweep, first: tuple[Path, SweepResults], tmp_path: Path, one_recipe: SweepPlan
) -> None:
    pattern = write_shards(tmp_path / "shards", 4)
    results = again(replace(one_recipe, evaluation=Evaluation(images=pattern, count=120, per_class=12)))
    assert done(results) == {"index": 4, "evaluate": 4}
    found = results.candidates[0].verification
    assert metrics(found) == metrics(first[1].candidates[0].verification)
    assert found is not None
    assert found.classes == PairingRecord(rule=PairingRule.INDICES, labels=10, outputs=10)


def some_classes(folder: Path) -> Path:
    for name in ("dress", "hat", "shirt"):
        shutil.copytree(demo.evaluation_dir() / name, folder / name)
    return folder


def test_images_of_some_classes_are_scored_among_these_too(again: Sweep, tmp_path: Path, one_recipe: SweepPlan) -> None:
    folder = some_classes(tmp_path / "some")
    results = again(replace(one_recipe, evaluation=Evaluation(images=str(folder), shard_images=7)))
    found = results.candidates[0].verification
    verified = verify(Bundle.open(tmp_path / "output" / "bundles" / "small"), folder)
    assert metrics(found) == metrics(verified)
    assert found is not None
    assert found.among_present is not None
    assert found.among_present.classes == 3
    assert found.among_present.top1["fp32.onnx"] > 0
    assert results.pairings == {"3 of 10 classes, paired by class names": ["small"]}


def test_a_table_of_classes_is_followed_and_a_changed_one_is_not_taken_from_the_store(
    again: Sweep, tmp_path: Path, one_recipe: SweepPlan
) -> None:
    folder, table = some_classes(tmp_path / "some"), tmp_path / "classes.csv"
    plan = replace(one_recipe, evaluation=Evaluation(images=str(folder), classes=str(table)))
    figures = []
    for lines in ("dress,3\nhat,4\nshirt,7\n", "dress,4\nhat,3\nshirt,7\n"):
        table.write_text(lines)
        results = again(plan)
        assert done(results).get("evaluate") == 1
        assert done(again(plan)) == {}
        bundle = Bundle.open(tmp_path / "output" / "bundles" / "small")
        verified = verify(bundle, folder, options=ImageOptions(classes=table))
        images = bundle.manifest.verification.images
        assert (images.count, images.sha256) == (verified.images.count, verified.images.sha256)
        assert (images.source, bundle.manifest.calibration.source) == (f"…/{folder.name}", "…/calibration")
        figures.append(metrics(results.candidates[0].verification))
        assert figures[-1] == metrics(verified)
        assert results.pairings == {"3 of 10 classes, paired by the table of classes": ["small"]}
    assert figures[0] != figures[1]


def test_everything_may_be_in_an_object_store(
    first: tuple[Path, SweepResults],
    s3: Callable[[dict[str, bytes]], str],
    tmp_path: Path,
    one_recipe: SweepPlan,
    small_checkpoint: Path,
) -> None:
    """Images, checkpoint and output."""
    import s3fs

    write_shards(tmp_path / "shards", 2)
    files = {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    place = s3(files | {"small.safetensors": small_checkpoint.read_bytes()})
    system = s3fs.S3FileSystem(use_listings_cache=False)
    system.put(f"{first[0]}/store", f"{place}/output/", recursive=True)
    plan = replace(
        one_recipe,
        checkpoints=(CheckpointSource(path=f"{place}/*.safetensors"),),
        evaluation=Evaluation(images=f"{place}/val-{{000..001}}.tar", count=120),
    )
    results = sweep(plan, f"{place}/output")
    assert done(results) == {"index": 2, "identify": 1, "evaluate": 2}
    expected = first[1].candidates[0].verification
    assert metrics(results.candidates[0].verification) == metrics(expected)
    assert done(sweep(plan, f"{place}/output")) == {}
    assert json.loads(system.cat_file(f"{place}/output/results.json"))["candidates"][0]["winner"]
    system.get(f"{place}/output/bundles/small", str(tmp_path / "bundle"), recursive=True)
    assert metrics(verify(Bundle.open(tmp_path / "bundle"), demo.evaluation_dir())) == metrics(expected)


def truncate(folder: Path) -> None:
    path = folder / "val-002.tar"
    path.write_bytes(path.read_bytes()[:100_000])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "val-002.tar: unexpected end of data"),
        (lambda folder: (folder / "val-002.tar").unlink(), "val-002.tar: it does not exist"),
    ],
)
def test_a_bad_shard_fails_its_evaluation_and_not_the_sweep(
    again: Sweep, tmp_path: Path, damage: Callable[[Path], object], said: str, one_recipe: SweepPlan
) -> None:
    pattern = write_shards(tmp_path / "shards", 4)
    whole = (tmp_path / "shards" / "val-002.tar").read_bytes()
    damage(tmp_path / "shards")
    plan = replace(one_recipe, evaluation=Evaluation(images=pattern, count=120))
    (candidate,) = again(plan).candidates
    assert candidate.artifacts
    assert (candidate.verification, candidate.winner, candidate.within_gates) == (None, False, None)
    assert said in candidate.problems[0]
    assert candidate.problems[-1] == "evaluated on 3 of 4 shards: no figures are given."
    (tmp_path / "shards" / "val-002.tar").write_bytes(whole)
    mended = again(plan)
    assert done(mended) == {"index": 1, "evaluate": 1}
    assert mended.candidates[0].winner


def test_an_image_that_cannot_be_decoded_is_named_or_left_out(
    again: Sweep, tmp_path: Path, one_recipe: SweepPlan
) -> None:
    shutil.copytree(demo.evaluation_dir(), tmp_path / "val")
    victim = sorted((tmp_path / "val" / "dress").iterdir())[3]
    victim.write_bytes(victim.read_bytes()[:700])
    plan = replace(one_recipe, evaluation=Evaluation(images=str(tmp_path / "val"), shard_images=50))
    (candidate,) = again(plan).candidates
    assert f"1 of 50 images cannot be read: dress/{victim.name}" in candidate.problems[0]
    skipping = replace(plan, evaluation=replace(plan.evaluation, skip_bad_images=True))
    (candidate,) = again(skipping).candidates
    assert candidate.verification is not None
    assert candidate.verification.images.skipped == (f"dress/{victim.name}",)
    verified = verify(
        Bundle.open(tmp_path / "output" / "bundles" / "small"),
        tmp_path / "val",
        options=ImageOptions(skip_bad_images=True, workers=1),
    )
    assert metrics(candidate.verification) == metrics(verified)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"evaluation": replace(PLAN.evaluation, count=121)}, DataError, "120 images in 3 shards, expected 121"),
        ({"evaluation": replace(PLAN.evaluation, per_class=13)}, DataError, "expected 13 images of each class"),
        (
            {"evaluation": Evaluation(images=f"{demo.evaluation_dir()}/dress")},
            DataError,
            "The plan wants labels for winner.by accuracy",
        ),
        ({"evaluation": Evaluation(images="/nowhere")}, DataError, "/nowhere"),
        ({"calibration": Calibration(images="/nowhere/*.tar")}, DataError, "/nowhere"),
        (
            {"checkpoints": (CheckpointSource(path="/nowhere/*.pth"),)},
            CheckpointError,
            "does not exist; expected checkpoints",
        ),
        ({"checkpoints": (CheckpointSource(size="demo", preprocessing="/nowhere"),)}, BundleError, "/nowhere does not"),
        ({"checkpoints": (CheckpointSource(size="demo"),) * 2}, PlanError, "names the checkpoint demo twice"),
    ],
)
def test_what_the_plan_gets_wrong_is_said_before_the_work(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        sweep(replace(PLAN, **change), str(tmp_path / "output"))
    assert not (tmp_path / "output" / "results.json").exists()


def test_failures_stay_with_those_that_need_what_failed(again: Sweep, tmp_path: Path, one_recipe: SweepPlan) -> None:
    (tmp_path / "noise.pth").write_bytes(os.urandom(1000))
    plan = replace(
        one_recipe,
        checkpoints=(*one_recipe.checkpoints, CheckpointSource(path=str(tmp_path / "*.pth"))),
        recipes={
            "mixed": MIXED,
            "no-layer": replace(MIXED, float_layers=("nothing",)),
            "too-many": replace(MIXED, calibration_images=10_000),
        },
    )
    good, no_layer, too_many, *noise = again(plan).candidates
    assert good.winner
    assert "--float-layer 'nothing' fits no layer" in no_layer.problems[0]
    assert "asked for 10,000 images, but there are" in too_many.problems[0]
    assert len(noise) == 3
    assert all(each.checkpoint == "noise" and "It is not a checkpoint" in each.problems[0] for each in noise)


def test_two_networks_of_one_file_are_two_checkpoints(tmp_path: Path, one_recipe: SweepPlan) -> None:
    import torch

    state = torch.load(write_checkpoint(tmp_path / "one.pth", config=SMALL))["model"]
    average = {name: tensor + 0.1 if name.startswith("head") else tensor for name, tensor in state.items()}
    torch.save({"model": state, "model_ema": average}, tmp_path / "last.pth")
    file = str(tmp_path / "last.pth")
    plan = replace(
        one_recipe,
        checkpoints=(CheckpointSource(path=file), CheckpointSource(path=file, weights="model_ema")),
        recipes={"mixed": replace(MIXED, calibration_images=4, float16=False)},
        gates=ANY,
    )
    said: list[str] = []
    results = sweep(plan, str(tmp_path / "output"), warn=said.append)
    assert [each.checkpoint for each in results.candidates] == ["last", "last-model_ema"]
    assert len({file.sha256 for each in results.candidates for file in each.artifacts}) == 8
    taken = "holds several LeViTs: {} was taken; the key weights takes another ({})."
    assert [text for text in said if "holds several" in text] == [
        f"{file} {taken.format(*names)}" for names in (("model", "model_ema"), ("model_ema", "model"))
    ]
    bundles = [Bundle.open(tmp_path / "output" / "bundles" / name) for name in ("last", "last-model_ema")]
    assert [each.manifest.checkpoint.entry for each in bundles] == ["model", "model_ema"]
    with pytest.raises(PlanError, match=r"last\.pth model_ema twice"):
        sweep(replace(plan, checkpoints=plan.checkpoints[1:] * 2), str(tmp_path / "output"))


def test_a_gate_that_nobody_keeps_leaves_no_winner(again: Sweep, tmp_path: Path, two_recipes: SweepPlan) -> None:
    again(two_recipes)
    assert [path.name for path in (tmp_path / "output" / "bundles").iterdir()] == ["small"]
    results = again(replace(two_recipes, gates=Gates(max_int8_bytes=1000)))
    assert [(each.within_gates, each.winner) for each in results.candidates] == [(False, False)] * 2
    assert not list((tmp_path / "output" / "bundles").iterdir())


def test_calibration_images_that_are_one_picture_are_told_once(tmp_path: Path) -> None:
    picture = next(demo.calibration_dir().rglob("*.jpg"))
    (tmp_path / "same").mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(picture, tmp_path / "same" / name)
    small = CheckpointSource(path=str(write_checkpoint(tmp_path / "small.pth", config=SMALL)))
    two = {name: replace(recipe, calibration_images=2, float16=False) for name, recipe in PLAN.recipes.items()}
    said: list[str] = []
    same = Calibration(images=str(tmp_path / "same"))
    plan = replace(PLAN, checkpoints=(small,), recipes=two, calibration=same, gates=ANY)
    sweep(plan, str(tmp_path / "output"), warn=said.append)
    assert sum(text.startswith("the 2 calibration images are all the same picture:") for text in said) == 1


def test_latencies_are_measured_once(again: Sweep, one_recipe: SweepPlan) -> None:
    plan = replace(one_recipe, latency=Latency(runs=3), gates=Gates(max_latency_ms=60_000))
    results = again(plan)
    (candidate,) = results.candidates
    assert results.device is not None
    assert set(candidate.latency) == {each.file for each in candidate.artifacts} - {"int8-f16.pte"}  # not for x86-64
    assert candidate.within_gates
    assert again(plan).candidates == results.candidates


def test_one_run_at_a_time_writes_an_output(again: Sweep, tmp_path: Path, one_recipe: SweepPlan) -> None:
    from levit_edge.system.locks import output_lock

    with (
        output_lock(tmp_path / "output", "--output"),
        pytest.raises(OutputError, match="is being written by another run"),
    ):
        again(one_recipe)


def command(plan: Path, output: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "levit_edge.cli.main", "sweep", str(plan), "--output", str(output), *more]


def test_the_command_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    plan, output = tmp_path / "plan.toml", tmp_path / "output"
    write_checkpoint(tmp_path / "small.pth", config=SMALL)
    plan.write_text(
        '[[checkpoints]]\npath = "small.pth"\n[recipes.mixed]\ncalibration_images = 16\nfloat16 = false\n'
        "[gates]\nmax_drop_pt = 100\nallow_poor_fp32 = true\n"
        f'[calibration]\nimages = "{demo.calibration_dir()}"\n'
        f'[evaluation]\nimages = "{demo.evaluation_dir()}"\nshard_images = 60\n'
    )
    with subprocess.Popen(command(plan, output), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as run:
        while not list((output / "store" / "results").glob("*/*")) or len(list((output / "store").rglob("*"))) < 20:
            time.sleep(0.2)
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        assert run.stderr is not None
        said = run.stderr.read()
        assert run.wait() == ExitStatus.INTERRUPTED
    assert "Traceback" not in said
    kept = {path for path in (output / "store").rglob("*") if path.is_file()}
    assert not [path for path in output.rglob("*") if ".partial" in path.name or path.name.endswith(".lock")]
    assert not (output / "results.json").exists()
    finished = subprocess.run(command(plan, output, "--json"), capture_output=True, text=True, check=True)
    document = json.loads(finished.stdout)
    assert finished.stderr == ""
    assert document == json.loads((output / "results.json").read_text())
    assert sum(counts["reused"] for counts in document["tasks"].values()) >= 3
    assert kept <= set((output / "store").rglob("*"))
    assert document["candidates"][0]["winner"]

"""Results of an interrupted run: taken again by a run of the same inputs, and by no other."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from levit_edge import demo
from levit_edge.bundle.manifest import CheckpointProvenance
from levit_edge.bundle.recipe import Recipe, WeightRounding
from levit_edge.data.image_set import calibration_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage
from levit_edge.data.locations import read_bytes
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.quantize.cached_calibration import calibrated_from_bytes, calibrated_to_bytes
from levit_edge.quantize.calibration.calibrated import Calibrated, calibrate_network
from levit_edge.quantize.calibration.sources import ImageSources
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.prepare import Prepared
from levit_edge.quantize.stage_cache import DamagedError, StageCache, inputs_of
from levit_edge.system.progress import Stages
from tests.quantize.conftest import Demo

RECIPE = Recipe(weight_rounding=WeightRounding.NEAREST, int8_attention=("blocks.0",))


@pytest.fixture(scope="module")
def trained() -> Checkpoint:
    return read_checkpoint(demo.checkpoint_path())


@pytest.fixture(scope="module")
def chosen() -> ImageSet:
    return balanced_sample(calibration_images(demo.calibration_dir()), 10, seed=0)


@pytest.fixture(scope="module")
def make(demo_steps: Demo, trained: Checkpoint, chosen: ImageSet) -> Callable[[], Calibrated]:
    preprocessing, options = Preprocessing.from_config(trained.config), ImageOptions(skip_bad_images=True, workers=0)
    return lambda: calibrate_network(demo_steps.deploy, chosen, preprocessing, RECIPE, options, Stages())


@pytest.fixture(scope="module")
def calibrated(make: Callable[[], Calibrated], chosen: ImageSet) -> Calibrated:
    """An equalized plan with int8 products, and one image that could not be read."""
    return replace(make(), bad=(BadImage(chosen.images[7], "an empty file"),))


def same(one: Plan, other: Plan) -> bool:
    """Bit for bit, in the same order."""
    first, second = one.deploy.state_dict(), other.deploy.state_dict()
    tensors = [(first[name], second[name]) for name in first]
    for name, layer in one.layers.items():
        tensors += [(getattr(layer, each), getattr(other.layers[name], each)) for each in ("weight", "bias")]
        tensors.append((layer.weight_scales, other.layers[name].weight_scales))
        if any(getattr(layer, each) != getattr(other.layers[name], each) for each in ("scheme", "ranges", "seen")):
            return False
    named = (list(first), list(one.layers), one.products) == (list(second), list(other.layers), other.products)
    return named and all(torch.equal(left, right) for left, right in tensors)


def test_a_plan_survives_bit_for_bit(demo_steps: Demo, chosen: ImageSet, calibrated: Calibrated) -> None:
    again = calibrated_from_bytes(calibrated_to_bytes(calibrated), demo_steps.deploy, chosen)
    plan, restored = calibrated.plan, again.plan
    assert same(plan, restored)
    assert restored.products
    foreign = replace(calibrated, plan=replace(plan, own_images=False))
    assert restored.own_images
    assert not calibrated_from_bytes(calibrated_to_bytes(foreign), demo_steps.deploy, chosen).plan.own_images
    assert [name for name, _ in restored.deploy.stem.named_children()] == [
        name for name, _ in plan.deploy.stem.named_children()
    ]
    pixels = torch.from_numpy(calibrated.golden)
    with torch.no_grad():
        assert torch.equal(plan.deploy(pixels), restored.deploy(pixels))
    assert (again.golden == calibrated.golden).all()
    assert again.alike is calibrated.alike is False
    assert not calibrated.warning
    assert f"the {len(chosen)} calibration images are all the same" in replace(calibrated, alike=True).warning
    assert again.provenance("folder") == calibrated.provenance("folder")
    assert again.provenance("folder").skipped == (chosen.relative_paths[7],)
    assert again.readable == chosen.images[:7] + chosen.images[8:]


def recalled(kept: StageCache, steps: Demo, images: ImageSet, make: Callable[[], Calibrated]) -> Calibrated:
    """As `quantize` does it."""
    decode = partial(calibrated_from_bytes, deploy=steps.deploy, images=images)
    return kept.recalled("calibration", make, encode=calibrated_to_bytes, decode=decode)


def test_the_second_run_decodes_nothing_and_says_so(
    demo_steps: Demo, make: Callable[[], Calibrated], chosen: ImageSet, tmp_path: Path
) -> None:
    said: list[str] = []
    with StageCache({"a": "b"}, pytest.fail, tmp_path, note=said.append) as kept:
        first = recalled(kept, demo_steps, chosen, make)
    assert not said
    with StageCache({"a": "b"}, pytest.fail, tmp_path, note=said.append) as kept:
        again = recalled(kept, demo_steps, chosen, lambda: pytest.fail("calibrated again"))
        kept.done()
    assert same(first.plan, again.plan)
    assert [line.rpartition(" of ")[0] for line in said] == ["calibration taken from the interrupted run"]
    assert list(tmp_path.iterdir()) == []


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.target, "the cache ran code")


@pytest.mark.parametrize("kind", ["pickle", "torch.save", "empty", "other network"])
def test_what_is_no_plan_is_made_anew(
    demo_steps: Demo,
    make: Callable[[], Calibrated],
    chosen: ImageSet,
    calibrated: Calibrated,
    tmp_path: Path,
    kind: str,
) -> None:
    """Also where whoever put it there has given it the right digest."""
    target = tmp_path / "was-here"
    if kind == "pickle":
        content = bytes(ForkingPickler.dumps(Bomb(target)))
    elif kind == "torch.save":
        torch.save({"document": Bomb(target)}, tmp_path / "bomb")
        content = (tmp_path / "bomb").read_bytes()
    else:
        layers = dict(list(calibrated.plan.layers.items())[1:])
        other = replace(calibrated, plan=replace(calibrated.plan, layers=layers))
        content = calibrated_to_bytes(other) if kind == "other network" else b""
    said: list[str] = []
    with StageCache({"a": "b"}, said.append, tmp_path / "kept") as kept:
        kept.keep("calibration", "", content)
        found = recalled(kept, demo_steps, chosen, make)
    assert said == ["the calibration kept from an interrupted run is damaged: made anew."]
    assert not target.exists()
    assert same(found.plan, calibrated.plan)


@settings(max_examples=50)
@given(data=st.data())
def test_a_mutated_plan_is_damaged_or_a_plan(
    demo_steps: Demo, chosen: ImageSet, calibrated: Calibrated, data: st.DataObject
) -> None:
    whole = bytearray(calibrated_to_bytes(calibrated))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, 20_000) | st.integers(0, len(whole) - 1))
        whole[position] = data.draw(st.integers(0, 255))
    try:
        found = calibrated_from_bytes(bytes(whole), demo_steps.deploy, chosen)
    except DamagedError:
        return
    assert list(found.plan.layers) == list(calibrated.plan.layers)


CHANGES: dict[str, Callable[[Prepared], Prepared]] = {
    "checkpoint": lambda run: replace(run, trained=replace(run.trained, sha256="0" * 64)),
    "config": lambda run: replace(
        run, trained=replace(run.trained, config=replace(run.trained.config, image_size=144))
    ),
    "recipe": lambda run: replace(run, recipe=Recipe(percentile=99.0)),
    "preprocessing": lambda run: replace(run, preprocessing=replace(run.preprocessing, resize=150)),
    "an image's content": lambda run: overwritten(run),  # noqa: PLW0108 - defined below
    "an image's name": lambda run: with_images(run, renamed(run.images.calibration)),
    "the images' order": lambda run: with_images(run, run.images.calibration.select(range(9, -1, -1))),
    "fewer images": lambda run: with_images(run, run.images.calibration.select(range(9))),
    "bad images": lambda run: replace(run, options=ImageOptions(skip_bad_images=True)),
}


def with_images(run: Prepared, calibration: ImageSet) -> Prepared:
    return replace(run, images=replace(run.images, calibration=calibration))


def overwritten(run: Prepared) -> Prepared:
    first, second, *_ = run.images.calibration.images
    shutil.copy(str(first), str(second))
    return run


def renamed(images: ImageSet) -> ImageSet:
    first = Path(str(images.images[0]))
    other = first.rename(first.with_name("other.jpg"))
    _, *names = images.relative_paths
    return replace(images, images=(other, *images.images[1:]), names=("other.jpg", *names))


@pytest.fixture
def run(demo_steps: Demo, trained: Checkpoint, chosen: ImageSet, tmp_path: Path) -> Prepared:
    """A run on images that may be changed."""
    copies = []
    for name, image in zip(chosen.relative_paths, chosen.images, strict=True):
        copies.append(tmp_path / "images" / name)
        copies[-1].parent.mkdir(parents=True, exist_ok=True)
        copies[-1].write_bytes(read_bytes(image))
    calibration = replace(chosen, root=tmp_path / "images", images=tuple(copies))
    return Prepared(
        trained=trained,
        deploy=demo_steps.deploy,
        provenance=CheckpointProvenance(source="demo", format="safetensors", sha256=trained.sha256),
        preprocessing=Preprocessing.from_config(trained.config),
        preprocessing_origin="",
        recipe=Recipe(),
        images=ImageSources(
            calibration=calibration,
            calibration_source="",
            own_images=True,
            evaluation=calibration,
            evaluation_source="",
        ),
        options=ImageOptions(),
    )


def test_the_kind_of_images_counts(run: Prepared) -> None:
    """As float16 has more room for what others have not shown, though these are the same files."""
    other = replace(run, images=replace(run.images, own_images=False))
    assert inputs_of(run) != inputs_of(other)


def test_who_leaves_out_float16_goes_on_from_what_there_is(run: Prepared) -> None:
    assert inputs_of(run) == inputs_of(replace(run, recipe=Recipe(float16=False)))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_input_counts(run: Prepared, change: Callable[[Prepared], Prepared]) -> None:
    before = inputs_of(run)
    assert inputs_of(run) == before
    assert inputs_of(change(run)) != before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("levit_edge.quantize.stage_cache.describe_host", lambda: {"processor": "another"}),
        ("torch.get_num_threads", lambda: 77),
        ("levit_edge.quantize.stage_cache.source_digest", lambda: "newer"),
        ("levit_edge.quantize.stage_cache.package_versions", lambda _packages: {"torch": "2.13.1"}),
    ],
)
def test_so_do_the_machine_and_levit_edge_itself(
    run: Prepared, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    before = inputs_of(run)
    monkeypatch.setattr(name, value)
    assert inputs_of(run) != before


def test_a_cache_that_cannot_be_used_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    with StageCache({}, said.append, tmp_path / "file") as kept:
        kept.keep("part", "", b"content")
        assert kept.recall("part", "", bytes) is None
        assert kept.recalled("part", lambda: b"made", encode=bytes, decode=bytes) == b"made"
        kept.done()
    assert len(said) == 1
    assert "if this run is interrupted, the next begins anew" in said[0]


def test_a_cache_on_a_full_disk_stops_nothing(small_disk: Path) -> None:
    said: list[str] = []
    with StageCache({}, said.append, small_disk) as kept:
        kept.keep("part", "", bytes(2**20))
        kept.keep("another", "", b"small")
        assert kept.recall("another", "", bytes) is None
    assert len(said) == 1
    assert "No space left on device" in said[0]


def test_a_run_beside_another_of_the_same_inputs_keeps_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    with StageCache({}, said.append, tmp_path) as first, StageCache({}, said.append, tmp_path) as second:
        first.keep("part", "", b"content")
        assert second.recall("part", "", bytes) is None
        second.done()
        assert first.recall("part", "", bytes) == b"content"
    assert list(tmp_path.iterdir())

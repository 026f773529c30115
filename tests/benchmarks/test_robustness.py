"""Images that are spoilt, the ways to calibrate, and the table of both."""

from argparse import Namespace

import numpy as np
import pytest

from benchmarks import robustness as command
from benchmarks.corruptions import STRENGTHS, Corruption, corrupted
from benchmarks.robustness import calibrations, main, run
from benchmarks.robustness_results import CLEAN, Cell, Robustness, average_agreement, table
from levit_edge import demo
from levit_edge.data.image_set import calibration_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.preprocess import FloatImage, Preprocessing, normalise
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError, ExitStatus

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
MEASURED = Robustness(
    caveat="Made up.",
    command="python -m benchmarks.robustness",
    created_utc="2026-01-01T00:00:00+00:00",
    host={"processor": "a desk calculator", "architecture": "none", "cores": "1", "system": "none", "python": "3"},
    versions={},
    model="LeViT-128S",
    checkpoint_sha256="0" * 64,
    images=10,
    calibration_images={"8 own": 8},
    cells=(
        Cell(network="8 own, all", corruption=CLEAN, sqnr_db=38.0, agreement=50.0),
        Cell(network="8 own, all", corruption="grey", strength=0.5, sqnr_db=37.04, agreement=100.0),
        Cell(network="8 own, all", corruption="grey", strength=1.0, sqnr_db=36.0, agreement=90.0),
    ),
)


@pytest.fixture
def batch(small: Preprocessing) -> FloatImage:
    return np.stack([normalise(each, small) for each in PIXELS])


@pytest.mark.parametrize(
    ("kind", "nothing"),
    [
        (Corruption.OVEREXPOSED, 0),
        (Corruption.UNDEREXPOSED, 0),
        (Corruption.BLURRED, 0),
        (Corruption.NOISY, 0),
        (Corruption.GREY, 0),
        (Corruption.LOW_CONTRAST, 1),
    ],
)
def test_the_least_strength_leaves_images_as_they_are(
    kind: Corruption, nothing: float, batch: FloatImage, small: Preprocessing
) -> None:
    assert np.array_equal(corrupted(batch, kind, nothing, small), batch)


@pytest.mark.parametrize("kind", Corruption)
def test_stronger_is_farther_away_and_the_same_again(kind: Corruption, batch: FloatImage, small: Preprocessing) -> None:
    made = [corrupted(batch, kind, strength, small) for strength in STRENGTHS[kind]]
    away = [float(np.square(each - batch).sum()) for each in made]
    assert 0 < away[0] < away[1] < away[2]
    assert np.array_equal(made[1], corrupted(batch, kind, STRENGTHS[kind][1], small))


def test_noise_is_that_of_the_image_whatever_the_batches(batch: FloatImage, small: Preprocessing) -> None:
    whole = corrupted(batch, Corruption.NOISY, 20, small)
    assert np.array_equal(whole[1:], corrupted(batch[1:], Corruption.NOISY, 20, small, first=1))
    assert not np.array_equal(whole[1:], corrupted(batch[1:], Corruption.NOISY, 20, small))


def test_exposure_is_of_light_and_ends_at_white(small: Preprocessing) -> None:
    grey = normalise(np.full((32, 32, 3), 100, np.uint8), small)[None]
    one_stop = normalise(np.full((32, 32, 3), 137, np.uint8), small)[None]  # 100 · 2^(1 / 2.2)
    assert np.array_equal(corrupted(grey, Corruption.OVEREXPOSED, 1, small), one_stop)
    white = normalise(np.full((32, 32, 3), 255, np.uint8), small)[None]
    assert np.array_equal(corrupted(grey, Corruption.OVEREXPOSED, 4, small), white)


def test_fewer_images_are_the_first_of_more_and_one_class_is_one() -> None:
    own = calibration_images(demo.calibration_dir())
    ways = calibrations(own)
    assert {name: len(images) for name, images in ways.items()} == {
        "150 own": 150,
        "32 own": 32,
        "8 own": 8,
        "15 of one class": 15,
        "clothing": 150,
    }
    assert ways["8 own"].images == ways["150 own"].images[:8]
    assert len(set(ways["15 of one class"].labels or ())) == 1
    flat = ImageSet(root=own.root, images=own.images[:9], labels=None)
    assert list(calibrations(flat)) == ["9 own", "8 own", "clothing"]


def test_the_table_is_markdown_with_all_strengths_and_the_average() -> None:
    assert from_json(Robustness, to_json(MEASURED), DataError, "the robustness") == MEASURED
    assert average_agreement(MEASURED, "8 own, all") == 95
    assert list(table(MEASURED)) == [
        "| calibrated on, dynamic | as they are | grey | corrupted, average |",
        "|---|---|---|---|",
        "| 8 own, all | 38.0 dB, 50.0 % | 37.0 / 36.0 dB, 95.0 % | 95.00 % |",
    ]


@pytest.mark.parametrize(
    "arguments", [[], ["--checkpoint", "x.pth"], ["--limit", "0"], ["--output", "no/such/folder/x.json"]]
)
def test_wrong_usage_is_refused_before_any_work(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == ExitStatus.USAGE


@pytest.mark.export
def test_the_demo_and_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "STRENGTHS", {Corruption.GREY: STRENGTHS[Corruption.GREY][:1]})
    monkeypatch.setattr(command, "FEW", ())
    options = Namespace(
        checkpoint=demo.checkpoint_path(),
        model="demo",
        resize=None,
        calibration=demo.calibration_dir(),
        calibration_images=4,
        evaluation=demo.evaluation_dir(),
        limit=8,
        pte=True,
    )
    cells = {(each.network, each.corruption): each for each in run(options, "none").cells}
    for corruption in (CLEAN, "grey"):
        simulated, file = cells["clothing, all", corruption], cells["clothing, all: `int8.pte`", corruption]
        assert simulated.sqnr_db > cells["clothing, stem, head", corruption].sqnr_db
        assert simulated.sqnr_db == pytest.approx(file.sqnr_db, abs=1)

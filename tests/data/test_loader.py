import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from levit_edge.data import pool
from levit_edge.data.loader import BadImage, Decoder, batches, default_workers
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing, preprocess
from levit_edge.device.image import open_photograph
from levit_edge.errors import DataError
from levit_edge.system.worker import Helper
from tests.conftest import Started

WORKERS = pytest.mark.parametrize("workers", [0, 1, 3])


@pytest.fixture
def with_bad(photographs: list[Path]) -> list[Path]:
    """Every seventh of 100 photographs is damaged, 15 in all."""
    for path in photographs[::7]:
        path.write_bytes(path.read_bytes()[:200])
    return photographs


@WORKERS
def test_images_come_in_order_and_as_preprocess_makes_them(
    photographs: list[Path], small: Preprocessing, workers: int
) -> None:
    with Decoder(photographs, small, ImageOptions(workers=workers)) as decoder:
        decoded = list(decoder)
    assert [index for index, _ in decoded] == list(range(100))
    for index, image in decoded:  # all kept to the end: none is overwritten by a later one
        assert np.array_equal(image, preprocess(open_photograph(photographs[index]).pixels, small))


def test_names_of_all_kinds_reach_the_workers(photographs: list[Path], small: Preprocessing) -> None:
    strange = photographs[0].with_name(os.fsdecode(b"two\nlines \xff \xe2\x82\xac.png"))
    photographs[0].rename(strange)
    with Decoder([strange], small, ImageOptions(workers=1)) as decoder:
        assert len(list(decoder)) == 1


def test_workers_are_only_so_far_ahead(
    photographs: list[Path], small: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PREFETCH", 3)
    asked: list[int] = []
    request = pool.request

    def recorded(worker: Helper, slot: int, image: Path) -> None:
        asked.append(slot)
        request(worker, slot, image)

    monkeypatch.setattr(pool, "request", recorded)
    with Decoder(photographs, small, ImageOptions(workers=2)) as decoder:
        for index, image in decoder:
            assert len(asked) <= index + 6
            assert np.array_equal(image, preprocess(open_photograph(photographs[index]).pixels, small))
    assert len(asked) == 100
    assert set(asked) == set(range(6))  # slots


@WORKERS
def test_bad_images_end_in_one_error_after_all_others(with_bad: list[Path], small: Preprocessing, workers: int) -> None:
    seen: list[int] = []
    with Decoder(with_bad, small, ImageOptions(workers=workers)) as decoder, pytest.raises(DataError) as caught:
        seen.extend(index for index, _ in decoder)
    assert seen == [index for index in range(100) if index % 7]
    message = str(caught.value)
    assert message.startswith("15 of 100 images cannot be read: ")
    assert "--skip-bad-images" in message
    assert f"{with_bad[0]}: " in message
    assert message.count("truncated") == 10
    assert message.endswith("and 5 more")


@WORKERS
def test_bad_images_can_be_skipped_and_are_remembered(with_bad: list[Path], small: Preprocessing, workers: int) -> None:
    with Decoder(with_bad, small, ImageOptions(workers=workers, skip_bad_images=True)) as decoder:
        assert len(list(decoder)) == 85
    assert [bad.path for bad in decoder.bad] == with_bad[::7]
    assert isinstance(decoder.bad[0], BadImage)
    assert "truncated" in decoder.bad[0].reason
    assert str(with_bad[0]) not in decoder.bad[0].reason


@pytest.mark.parametrize("skip", [True, False])
def test_nothing_but_bad_images_is_an_error_anyway(with_bad: list[Path], small: Preprocessing, skip: bool) -> None:
    with (
        Decoder(with_bad[::7], small, ImageOptions(skip_bad_images=skip)) as decoder,
        pytest.raises(DataError, match="15 of 15 images cannot be read: remove or replace them\n"),
    ):
        list(decoder)


def test_no_images_give_nothing(small: Preprocessing) -> None:
    with Decoder([], small, ImageOptions(workers=2)) as decoder:
        assert list(decoder) == []


@pytest.mark.timeout(30)
def test_a_worker_that_dies_is_an_error_that_names_the_image(
    photographs: list[Path], small: Preprocessing, started: Started
) -> None:
    with Decoder(photographs, small, ImageOptions(workers=2)) as decoder:
        decoded = iter(decoder)
        assert next(decoded)[0] == 0
        started[1].kill()
        with pytest.raises(
            DataError, match=r"\.png: the process that decoded it died \(killed by SIGKILL, often"
        ) as caught:
            list(decoded)
    assert int(str(caught.value).split(".png")[0][-3:]) % 2 == 1  # the second worker's images are the odd ones


@pytest.mark.timeout(30)
def test_a_worker_that_dies_early_is_one_too(
    photographs: list[Path], small: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = pool.request

    def fatal(worker: Helper, slot: int, image: Path) -> None:
        worker.process.kill()
        worker.process.wait()
        request(worker, slot, image)

    monkeypatch.setattr(pool, "request", fatal)
    with (
        Decoder(photographs, small, ImageOptions(workers=2)) as decoder,
        pytest.raises(DataError, match=r"000\.png: the process"),
    ):
        list(decoder)


@pytest.mark.timeout(30)
def test_a_worker_that_cannot_work_is_an_error(
    photographs: list[Path],
    small: Preprocessing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "PIL.py").write_text("raise ImportError('no Pillow today')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with (
        Decoder(photographs, small, ImageOptions(workers=1)) as decoder,
        pytest.raises(DataError, match=r"000\.png.*exit status 1"),
    ):
        list(decoder)
    assert "no Pillow today" in capfd.readouterr().err


def test_a_worker_that_cannot_start_is_an_error(
    photographs: list[Path], small: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with (
        Decoder(photographs, small, ImageOptions(workers=1)) as decoder,
        pytest.raises(DataError, match="cannot be started"),
    ):
        list(decoder)


@pytest.mark.parametrize("seen", [0, 1, 100])
def test_leaving_ends_the_workers(photographs: list[Path], small: Preprocessing, started: Started, seen: int) -> None:
    with Decoder(photographs, small, ImageOptions(workers=2)) as decoder:
        decoded = iter(decoder)
        assert len(list(islice(decoded, seen))) == seen
    assert len(started) == (2 if seen else 0)
    assert all(process.returncode is not None for process in started)


@pytest.mark.timeout(30)
def test_leaving_does_not_wait_for_a_worker_that_hangs(
    photographs: list[Path], small: Preprocessing, started: Started
) -> None:
    with Decoder(photographs, small, ImageOptions(workers=1)) as decoder:
        next(iter(decoder))
        started[0].send_signal(signal.SIGSTOP)
    assert started[0].returncode == -signal.SIGKILL


def test_a_decoder_can_be_used_again(with_bad: list[Path], small: Preprocessing) -> None:
    with Decoder(with_bad, small, ImageOptions(workers=1, skip_bad_images=True)) as decoder:
        next(iter(decoder))
        assert [len(list(decoder)) for _ in range(2)] == [85, 85]
    assert len(decoder.bad) == 15


def test_beginning_again_ends_the_iteration_under_way(photographs: list[Path], small: Preprocessing) -> None:
    with Decoder(photographs, small, ImageOptions(workers=1)) as decoder:
        first = iter(decoder)
        next(first)
        assert next(iter(decoder))[0] == 0
        assert next(first, None) is None


INTERRUPTED = """
import signal
import sys
import time
from pathlib import Path
from levit_edge.data.loader import Decoder
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing

preprocessing = Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
images = [Path(sys.argv[1])] * 1_000_000

def interrupt(*_: object) -> None:
    time.sleep(0.3)  # time enough for a worker to complain, had it been interrupted too
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
try:
    with Decoder(images, preprocessing, ImageOptions(workers=2)) as decoder:
        for index, _ in decoder:
            if index == 0:
                print("decoding", flush=True)
except KeyboardInterrupt:
    sys.exit(130)
"""  # no `if __name__ == "__main__"` needed


@pytest.mark.timeout(60)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_quietly_with_their_parent(photographs: list[Path], tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "script.py").write_text(INTERRUPTED)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), str(photographs[0])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "decoding\n"
            os.killpg(process.pid, how)
            _, complaints = process.communicate(timeout=20)  # ends when all that hold the pipes have: workers too
        finally:
            process.kill()
    assert complaints == ""
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)


def test_default_workers_depend_on_cores_and_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert [default_workers(images) for images in (0, 1, 31, 32, 10_000)] == [0, 0, 0, 4, 4]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert default_workers(100) == 1
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_workers(100) == 0


def test_batches_are_whole_but_for_the_last(photographs: list[Path], small: Preprocessing) -> None:
    with Decoder(photographs[:10], small) as decoder:
        grouped = list(batches(decoder, 4))
    assert [indices for indices, _ in grouped] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]
    assert [images.shape for _, images in grouped] == [(4, 3, 32, 32), (4, 3, 32, 32), (2, 3, 32, 32)]
    assert np.array_equal(grouped[2][1][1], preprocess(open_photograph(photographs[9]).pixels, small))


def test_workers_import_nothing_heavy() -> None:
    code = "import sys, levit_edge.data.worker; sys.exit(','.join({'numpy', 'torch', 'rich'} & set(sys.modules)) or 0)"
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr

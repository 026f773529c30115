"""`verify --on ssh://…` against real aarch64 ssh servers, and cut off on the way."""

import json
import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from levit_edge.board import evaluate
from levit_edge.board.answers_so_far import keep_answers
from levit_edge.board.transports.ssh import SshTransport
from levit_edge.bundle.reader import Bundle
from levit_edge.data.classes import ModelClasses
from levit_edge.data.options import ImageOptions
from levit_edge.runtime.evaluation.evaluator import Answer, Model
from levit_edge.runtime.evaluation.pool import answers
from levit_edge.runtime.evaluation.verify import evaluation_set
from levit_edge.system.result_cache import ResultCache
from tests.arm.board import Board
from tests.arm.commands import Started, client_of, to, until
from tests.integration.conftest import levit_edge

pytestmark = pytest.mark.device
DEMO_IMAGES = Path(__file__).parents[2] / "levit_edge" / "data" / "demo" / "evaluation"


def test_predictions_on_the_board_are_those_made_here(
    target: Board, demo_bundle: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all files, for four photographs of each class of the demo."""
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    photographs = tmp_path / "photographs"
    for folder in DEMO_IMAGES.iterdir():
        (photographs / folder.name).mkdir(parents=True)
        for image in sorted(folder.iterdir())[:4]:
            (photographs / folder.name / image.name).symlink_to(image)
    there: list[Answer | str] = []
    keep = keep_answers

    def listen(results: ResultCache, begin: int, found: Sequence[Answer | str]) -> None:
        there.extend(found)
        keep(results, begin, found)

    monkeypatch.setattr(evaluate, "keep_answers", listen)
    bundle = Bundle.open(demo_bundle[0])
    transport = SshTransport(target.address, config=target.ssh_config)
    verification = evaluate.verify_on(bundle, transport, photographs, options=ImageOptions(workers=0)).verification
    assert verification.host["architecture"] == "aarch64"
    assert verification.host["emulator"].startswith("qemu-user")

    artifacts = bundle.manifest.artifacts
    models = [
        Model(file=each.file, runtime=each.runtime, read=partial(bundle.read, each.file), classes=10)
        for each in artifacts
    ]
    images = evaluation_set(photographs, ModelClasses.of(bundle.manifest.config.classes, bundle.labels(), None))
    here = list(answers(models, images.images, bundle.manifest.preprocessing, 0))
    logits = [np.stack([each.logits for each in found if isinstance(each, Answer)]) for found in (there, here)]
    assert logits[0].shape == logits[1].shape == (len(images), len(artifacts), bundle.manifest.config.classes)
    assert logits[0].std(axis=0).min() > 0.1  # real answers, not the same for every photograph
    same = (logits[0].argmax(2) == logits[1].argmax(2)).mean(axis=0)
    assert dict(zip((each.file for each in artifacts), same >= 0.97, strict=True)) == dict.fromkeys(
        (each.file for each in artifacts), True
    ), same


@pytest.fixture
def large_photographs(tmp_path: Path) -> Path:
    """64 links to one photograph that takes long to decode, of three classes."""
    pixels = np.random.default_rng(3).integers(0, 256, (1200, 1200, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.jpg")
    for index in range(64):
        folder = tmp_path / "photographs" / ("red", "green", "blå")[index % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:02}.jpg").symlink_to(tmp_path / "large.jpg")
    return tmp_path / "photographs"


def figures(output: str) -> dict[str, Any]:
    """Without times."""
    document: dict[str, Any] = json.loads(output)
    assert document.pop("stages")
    for result in document["results"]:
        assert result.pop("images_per_second") > 0
    return document


@pytest.mark.parametrize("how", ["the connection", "Ctrl-C", "levit-edge"])
def test_an_evaluation_that_was_cut_off_goes_on(
    target: Board, tiny_bundle: Path, large_photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    started: Started, how: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "unfinished"
    command: tuple[str | Path, ...] = (
        "verify",
        tiny_bundle,
        "--evaluation",
        large_photographs,
        *to(target),
        "--workers",
        "0",
        "--json",
    )
    process = started(*command)
    until(lambda: any(each.stat().st_size for each in kept.glob("*/0")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    if how == "the connection":
        os.kill(client_of(process), signal.SIGKILL)
        assert "the connection was lost while the board worked" in process.communicate()[1]
        assert process.returncode == 3
    elif how == "Ctrl-C":
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate()[1]
        assert process.returncode == 130
    else:
        process.kill()
        process.communicate()
    until(lambda: target.processes() == [])
    assert target.files() == []
    resumed = levit_edge(*command)
    assert resumed.returncode == 0, resumed.stderr
    count = int(resumed.stderr.partition("earlier call that was cut off: ")[2].partition(" image")[0])
    assert 0 < count < 64
    assert count % 16 == 0  # whole chunks
    assert list(kept.iterdir()) == []
    if how == "the connection":  # the others are like it
        uninterrupted = levit_edge(*command)
        assert "earlier call" not in uninterrupted.stderr
        assert figures(resumed.stdout) == figures(uninterrupted.stdout)

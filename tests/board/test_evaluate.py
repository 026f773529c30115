"""Accuracy on a board: on this computer, and on one that sends what no board would."""

import dataclasses
import errno
import itertools
import math
import os
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from levit_edge.board import evaluate
from levit_edge.board.evaluate import BoardVerification, verify_on
from levit_edge.board.session import Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.manifest import Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.data.options import ImageOptions
from levit_edge.errors import BoardError, BundleError, DataError, OutputError
from levit_edge.runtime.evaluation.gate import GateRules
from levit_edge.runtime.evaluation.verify import verify
from levit_edge.system import result_cache
from levit_edge.system.locks import lock
from levit_edge.system.progress import Stages
from tests.board.conftest import Place
from tests.board.listeners import Heard, Interrupting, count_sent
from tests.board.stand_in import HELLO, StandIn, answering

pytestmark = pytest.mark.device
IMAGES = 32
MODELS, CLASSES = 2, 3
PACKAGES = {"packages": ["onnxruntime 1.31.0"] * MODELS}
IN_THIS_PROCESS = ImageOptions(workers=0)
SKIPPING = ImageOptions(workers=0, skip_bad_images=True)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where evaluations that are cut off are kept."""
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "unfinished"


def verified(
    bundle: Bundle, photographs: Path, options: ImageOptions = IN_THIS_PROCESS, **others: Any
) -> BoardVerification:
    """On this computer."""
    return verify_on(bundle, LocalTransport(), photographs, options=options, **others)


def figures(verification: Verification) -> Verification:
    """Without what is not the same every time, or everywhere."""
    results = tuple(dataclasses.replace(each, images_per_second=0.0) for each in verification.results)
    return dataclasses.replace(verification, results=results, host={}, runtimes={})


# --- on this computer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("chunk", [1, 7, 16, 100])
def test_figures_are_those_of_an_evaluation_here(
    bundle: Bundle, labelled_photographs: Path, place: Place, kept: Path, monkeypatch: pytest.MonkeyPatch,
    workers: int, chunk: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(evaluate, "CHUNK", chunk)
    found = verify_on(
        bundle,
        LocalTransport(),
        labelled_photographs,
        rules=GateRules(max_drop_pt=100),
        options=ImageOptions(workers=workers),
    )
    assert figures(found.verification) == figures(
        verify(bundle, labelled_photographs, rules=GateRules(max_drop_pt=100), options=IN_THIS_PROCESS)
    )
    assert (found.resumed, found.absent) == (0, {})
    assert found.verification.runtimes == {"onnxruntime": version("onnxruntime")}
    assert found.verification.host["python"]
    assert list(kept.iterdir()) == []
    assert place.files() == []


def test_options_have_their_effect(bundle: Bundle, labelled_photographs: Path, unlabelled_photographs: Path) -> None:
    assert verified(bundle, labelled_photographs, options=ImageOptions(workers=0, limit=6)).verification.samples == 6
    assert verified(bundle, labelled_photographs, rules=GateRules(max_drop_pt=-101.0)).verification.gate.passed is False
    assert verified(bundle, unlabelled_photographs).verification.labelled is False
    assert not verified(bundle, labelled_photographs).verification.exif
    with pytest.raises(DataError, match="no class folders"):
        verified(bundle, unlabelled_photographs, rules=GateRules(max_drop_pt=1.0))


def test_photographs_are_turned_here_as_without_a_board(
    bundle: Bundle, labelled_photographs: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for path in labelled_photographs.glob("red/*"):
        copy = tmp_path / "lying" / "red" / f"{path.stem}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).convert("RGB").save(copy, exif=exif)
    turning = ImageOptions(workers=0, exif=True)
    found = figures(verified(bundle, tmp_path / "lying", options=turning).verification)
    assert found.exif
    assert found == figures(verify(bundle, tmp_path / "lying", options=turning))
    as_stored = figures(verified(bundle, tmp_path / "lying").verification)
    assert found.results[1].sqnr_db != as_stored.results[1].sqnr_db


def test_a_runtime_that_is_asked_for_and_missing_is_an_error(both_runtimes: Bundle, labelled_photographs: Path) -> None:
    with pytest.raises(BoardError, match="has no executorch"):
        verify_on(both_runtimes, answering(hello=HELLO), labelled_photographs, runtimes=(Runtime.EXECUTORCH,))


def test_a_runtime_that_the_board_has_not_is_left_out_and_named(
    both_runtimes: Bundle, labelled_photographs: Path
) -> None:
    board = answering(hello=HELLO, open=PACKAGES, infer=inferred(16))
    found = verify_on(both_runtimes, board, labelled_photographs, options=IN_THIS_PROCESS)
    assert [each.artifact for each in found.verification.results] == ["fp32.onnx", "int8.onnx"]
    assert list(found.absent) == [Runtime.EXECUTORCH]


def test_a_bundle_without_an_fp32_file_is_an_error(bundle: Bundle, labelled_photographs: Path, tmp_path: Path) -> None:
    with new_bundle(tmp_path / "int8") as writer:
        for name in bundle.manifest.files:
            if name != "fp32.onnx":
                writer.add(name, bundle.read(name))
        artifacts = bundle.manifest.artifacts[1:]
        writer.commit(dataclasses.replace(bundle.manifest, files=dict(writer.files), artifacts=artifacts))
    with pytest.raises(BundleError, match="fp32"):
        verified(Bundle.open(tmp_path / "int8"), labelled_photographs)


@pytest.fixture
def with_a_bad_one(labelled_photographs: Path, tmp_path: Path) -> Path:
    """The photographs, two of which cannot be read: the first, and one in the middle."""
    copies = shutil.copytree(labelled_photographs, tmp_path / "photographs")
    images = sorted(copies.glob("*/*"))
    for index in (0, 17):
        images[index].write_bytes(b"no photograph")
    return copies


@pytest.mark.parametrize("chunk", [1, 16])
def test_images_that_cannot_be_read_are_never_sent(
    bundle: Bundle, with_a_bad_one: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", chunk)
    with pytest.raises(DataError, match="not an image in a known format"):
        verified(bundle, with_a_bad_one)
    found = verified(bundle, with_a_bad_one, options=SKIPPING)
    assert found.resumed == IMAGES  # the first call had evaluated all
    assert figures(found.verification) == figures(verify(bundle, with_a_bad_one, options=SKIPPING))


# --- cut off, and resumed --------------------------------------------------------------------------------------------


def test_connecting_sending_and_evaluating_are_stages(bundle: Bundle, labelled_photographs: Path) -> None:
    told = Heard()
    verified(bundle, labelled_photographs, stages=Stages(told))
    sizes = sum(artifact.size_bytes for artifact in bundle.manifest.artifacts)
    assert told.totals == {"connect": None, "send": sizes, "verify": IMAGES}
    assert told.done == {"connect": 0, "send": sizes, "verify": IMAGES}


@pytest.mark.parametrize("images", [1, 4, 5, 20, 32])
def test_one_that_is_cut_off_goes_on_where_it_stopped_and_finds_the_same(
    bundle: Bundle, with_a_bad_one: Path, place: Place, kept: Path, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    uninterrupted = verified(bundle, with_a_bad_one, options=SKIPPING)
    with pytest.raises(KeyboardInterrupt):
        verified(bundle, with_a_bad_one, stages=Stages(Interrupting(images)), options=SKIPPING)
    assert place.files() == []
    assert len(list(kept.iterdir())) == 1
    sent = count_sent(monkeypatch)
    found = verified(bundle, with_a_bad_one, options=SKIPPING)
    assert images <= found.resumed <= images + 4  # whole chunks
    assert found.resumed + sum(sent) + bad_behind(found.resumed) == IMAGES
    assert figures(found.verification) == figures(uninterrupted.verification)
    assert list(kept.iterdir()) == []


def bad_behind(done: int) -> int:
    """Images that cannot be read among those that remain; in order, they are the first and the one with number 17."""
    return sum(index >= done for index in (0, 17))


def cut_off(bundle: Bundle, photographs: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is left of an evaluation that had some chunks of four."""
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    with pytest.raises(KeyboardInterrupt):
        verified(bundle, photographs, stages=Stages(Interrupting(12)), options=SKIPPING)
    (folder,) = kept.iterdir()
    return folder


@pytest.mark.parametrize("changed", ["an image", "levit-edge"])
def test_a_changed_image_or_levit_edge_begins_anew(
    bundle: Bundle, with_a_bad_one: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    cut_off(bundle, with_a_bad_one, kept, monkeypatch)
    first, second = sorted(with_a_bad_one.glob("*/*"))[1:3]
    if changed == "an image":
        shutil.copy(second, first)
    else:
        monkeypatch.setattr(evaluate, "source_digest", lambda: "that of another")
    assert verified(bundle, with_a_bad_one, options=SKIPPING).resumed == 0


@pytest.mark.parametrize("damage", [b"", b"damage", None])
def test_damage_costs_only_what_it_is_in_and_what_is_behind_it(
    bundle: Bundle, with_a_bad_one: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    part = cut_off(bundle, with_a_bad_one, kept, monkeypatch) / "4"
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] if damage is None else damage)
    found = verified(bundle, with_a_bad_one, options=SKIPPING)
    assert found.resumed == 4
    assert figures(found.verification) == figures(verify(bundle, with_a_bad_one, options=SKIPPING))


def test_answers_that_cannot_be_kept_are_an_error(
    bundle: Bundle, labelled_photographs: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(result_cache, "replace_file", full)
    with pytest.raises(OutputError, match=rf"{kept}/\w+ cannot be written: No space left on device\."):
        verified(bundle, labelled_photographs)


def test_a_cache_folder_that_cannot_be_made_is_an_error(bundle: Bundle, labelled_photographs: Path, kept: Path) -> None:
    kept.parent.write_bytes(b"")
    with pytest.raises(OutputError, match=r"cannot be written: (Not a directory|File exists)\. LEVIT_EDGE_CACHE names"):
        verified(bundle, labelled_photographs)


def test_two_at_once_are_refused(bundle: Bundle, labelled_photographs: Path, kept: Path, place: Place) -> None:
    with pytest.raises(KeyboardInterrupt):
        verified(bundle, labelled_photographs, stages=Stages(Interrupting(1)))
    (folder,) = kept.iterdir()
    held = lock(folder, os.O_RDONLY)
    with pytest.raises(BoardError, match="the same evaluation is running in another process"):
        verified(bundle, labelled_photographs)
    os.close(held)
    assert place.files() == []


def test_no_more_than_two_chunks_are_on_their_way(
    bundle: Bundle, labelled_photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    waiting, most = itertools.count(), 0
    sent: list[int] = []
    request, payload = Session.request, Session.payload

    def counted_request(self: Session, do: str, **arguments: Any) -> None:
        nonlocal most
        request(self, do, **arguments)
        if do == "infer":
            sent.append(next(waiting))
            most = max(most, len(sent))

    def counted_payload(self: Session) -> bytes:
        sent.pop()
        return payload(self)

    monkeypatch.setattr(Session, "request", counted_request)
    monkeypatch.setattr(Session, "payload", counted_payload)
    verified(bundle, labelled_photographs)
    assert next(waiting) == IMAGES / 4
    assert most == 2


# --- what no board computes ------------------------------------------------------------------------------------------


def inferred(count: int, seconds: Any = None, logits: bytes | None = None) -> tuple[Any, ...]:
    """The answer to `infer`: a healthy one but for what is given."""
    values = np.zeros((MODELS, count, CLASSES), "<f4").tobytes() if logits is None else logits
    return {"seconds": [[0.01] * count] * MODELS if seconds is None else seconds}, values, {"done": True}


HUGE = 10**400
WHOLE = 4 * MODELS * 16 * CLASSES
"""Bytes of the logits of a chunk."""


@pytest.mark.parametrize(
    "answer",
    [
        inferred(16, logits=b""),
        inferred(16, logits=bytes(WHOLE - 1)),
        inferred(16, logits=bytes(WHOLE + 4)),
        inferred(16, seconds="text"),
        inferred(16, seconds=[]),
        inferred(16, seconds=[[0.01] * 16]),
        inferred(16, seconds=[[0.01] * 15] * MODELS),
        inferred(16, seconds=[[0.01] * 16, [0.01] * 15]),
        inferred(16, seconds=[[math.nan] * 16] * MODELS),
        inferred(16, seconds=[[math.inf] * 16] * MODELS),
        inferred(16, seconds=[[-0.01] * 16] * MODELS),
        inferred(16, seconds=[[HUGE] * 16] * MODELS),
        inferred(16, seconds=[[1e300] * 16] * MODELS),
        inferred(16, seconds=[[None] * 16] * MODELS),
        inferred(16, seconds={"0": 1}),
    ],
)
def test_logits_that_are_none_are_an_error(
    bundle: Bundle, labelled_photographs: Path, kept: Path, answer: tuple[Any, ...]
) -> None:
    board = answering(hello=HELLO, open=PACKAGES, infer=answer)
    with pytest.raises(BoardError, match=r"^board: the board's logits are not those of 16 images\.$"):
        verify_on(bundle, board, labelled_photographs, options=IN_THIS_PROCESS)
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("file", "place"), [("fp32.onnx", 0), ("int8.onnx", WHOLE // 4 - 1)])
def test_logits_that_are_no_numbers_are_an_error_that_names_the_file(
    bundle: Bundle, labelled_photographs: Path, kept: Path, number: float, file: str, place: int
) -> None:
    logits = np.zeros(WHOLE // 4, "<f4")
    logits[place] = number
    board = answering(hello=HELLO, open=PACKAGES, infer=inferred(16, logits=logits.tobytes()))
    with pytest.raises(BoardError, match=rf"^board: {re.escape(file)} gives logits that are not finite numbers\.$"):
        verify_on(bundle, board, labelled_photographs, options=IN_THIS_PROCESS)
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize(
    "opened", [{}, {"packages": None}, {"packages": ["one"]}, {"packages": ["a"] * 3}, {"packages": "xy"}]
)
def test_files_that_were_not_opened_are_an_error(
    bundle: Bundle, labelled_photographs: Path, opened: dict[str, Any]
) -> None:
    board = answering(hello=HELLO, open=opened)
    with pytest.raises(BoardError, match=r"board: the board did not open 2 files\."):
        verify_on(bundle, board, labelled_photographs, options=IN_THIS_PROCESS)


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("onnxruntime 1.31.0", "1.31.0"),
        ("my-onnxruntime 2", "2 (my-onnxruntime)"),
        ("\x1b[2J\nonnx 1", "1 ([2J onnx)"),
        ("", " ()"),
        (7, " ()"),
    ],
)
def test_what_ran_is_recorded(bundle: Bundle, labelled_photographs: Path, package: Any, version: str) -> None:
    board = answering(hello=HELLO, open={"packages": [package] * MODELS}, infer=inferred(16))
    found = verify_on(bundle, board, labelled_photographs, options=IN_THIS_PROCESS).verification
    assert found.runtimes == {"onnxruntime": version}
    assert found.results[0].images_per_second == pytest.approx(100)


def test_a_worker_that_dies_is_an_error_that_names_the_file(bundle: Bundle, labelled_photographs: Path) -> None:
    died = {"error": {"kind": "died", "message": "int8.onnx: its process died (SIGKILL)"}}
    board = answering(hello=HELLO, open=PACKAGES, infer=died)
    with pytest.raises(BoardError, match=r"a process on the board ended: int8\.onnx: its process died \(SIGKILL\)\."):
        verify_on(bundle, board, labelled_photographs, options=IN_THIS_PROCESS)


def test_a_connection_that_is_lost_keeps_what_came(bundle: Bundle, labelled_photographs: Path) -> None:
    """The board ends when it has answered once; the next call's board is well."""
    once = f"""
greet()
for answer in ({HELLO!r}, {{}}, {{}}, {PACKAGES!r}):
    request = json.loads(hear())
    if request["do"] == "put":
        hear()
    say(answer)
hear(); hear(); say(*{inferred(16)!r})
"""
    with pytest.raises(BoardError, match="the connection was lost while the board worked"):
        verify_on(bundle, StandIn(once), labelled_photographs, options=IN_THIS_PROCESS)
    found = verify_on(
        bundle,
        answering(hello=HELLO, open=PACKAGES, infer=inferred(16)),
        labelled_photographs,
        options=IN_THIS_PROCESS,
    )
    assert found.resumed == 16
    assert found.verification.samples == IMAGES

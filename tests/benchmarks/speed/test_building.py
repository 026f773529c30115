"""Whatever becomes of a build, there is an answer, and the others are built."""

from pathlib import Path

from benchmarks.speed.building import build_all
from benchmarks.speed.contender import Contender, Engine, Product, Workshop, build_with
from levit_edge.bundle.kinds import Precision
from tests.benchmarks.speed import fakes
from tests.board.listeners import Heard


def contender(name: str, function: str, requires: tuple[str, ...] = ("numpy",), **choices: int) -> Contender:
    return Contender(
        name=name,
        engine=Engine.ONNXRUNTIME,
        precision=Precision.FP32,
        requires=requires,
        build=build_with(f"{fakes.__name__}.{function}", **choices),
        process="one",
    )


def test_every_contender_has_a_file_or_a_reason(workshop: Workshop) -> None:
    contenders = [
        contender("small", "write", size=10),
        contender("fails", "fail"),
        contender("dies", "die"),
        contender("absent", "write", ("numpy", "no_such_module", "nor_this")),
        contender("large one", "write", size=1000),
    ]
    built = build_all(contenders, workshop, Heard())
    reasons = {key: each for key, each in built.items() if isinstance(each, str)}
    assert reasons == {
        "onnxruntime/fails": "failed: ValueError: no such operator in None fails",
        "onnxruntime/dies": "failed: its process died, often for want of memory",
        "onnxruntime/absent": "not installed: no_such_module, nor_this",
    }
    small, large = built["onnxruntime/small"], built["onnxruntime/large one"]
    assert isinstance(small, Product)
    assert isinstance(large, Product)
    assert (small.size_bytes, large.size_bytes) == (15, 1005)
    assert (small.file.read_bytes(), small.note) == (b"12345", "made up")
    assert small.file != large.file


def test_what_several_start_from_is_made_once(workshop: Workshop) -> None:
    made: list[str] = []

    def make(target: Path) -> None:
        made.append(target.name)
        target.write_text("x")

    for _ in range(2):
        file = workshop.once("file", make)
        assert file.read_text() == "x"
    assert len(made) == 1

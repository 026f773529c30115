"""What a board lacks, and what its owner is told to install."""

from typing import Any

import pytest

from levit_edge.board.packages import python_version, require_packages, requirements, runtimes_there
from levit_edge.bundle.kinds import Runtime
from levit_edge.errors import BoardError

BOTH = (Runtime.EXECUTORCH, Runtime.ONNXRUNTIME)


def hello(*packages: str, python: Any = (3, 11, 2), executable: Any = "/usr/bin/python3") -> dict[str, Any]:
    return {
        "packages": {"torch": None} | dict.fromkeys(packages, "1.0"),
        "python": list(python) if isinstance(python, tuple) else python,
        "executable": executable,
    }


@pytest.mark.parametrize(
    ("packages", "runtimes"),
    [
        ((), set()),
        (("numpy",), set()),
        (("onnxruntime",), {Runtime.ONNXRUNTIME}),
        (("executorch", "torch"), {Runtime.EXECUTORCH}),
        (("executorch",), set()),  # executorch 1.5 comes without torch, and does not load
        (("executorch", "onnxruntime"), {Runtime.ONNXRUNTIME}),
        (("executorch-numpy-runtime", "onnxruntime"), set(BOTH)),
    ],
)
def test_runtimes_are_known_by_their_packages(packages: tuple[str, ...], runtimes: set[Runtime]) -> None:
    assert runtimes_there(hello(*packages)) == runtimes


@pytest.mark.parametrize("found", [None, [], "numpy", 7])
def test_a_board_that_does_not_list_its_packages_has_none(found: Any) -> None:
    assert runtimes_there({"packages": found}) == frozenset()


def test_a_board_that_has_all_lacks_nothing() -> None:
    assert require_packages("board", hello("numpy", "onnxruntime", "executorch", "torch"), None, BOTH) == {}
    assert require_packages("board", hello("numpy", "onnxruntime"), None, [Runtime.ONNXRUNTIME]) == {}


def test_a_runtime_that_is_only_useful_may_be_missing() -> None:
    assert require_packages("board", hello("numpy", "onnxruntime"), None, BOTH) == {
        Runtime.EXECUTORCH: "/usr/bin/python3 (Python 3.11) has no executorch: `pip install executorch torch` there, or"
        " --setup"
    }
    found = require_packages("board", hello("numpy", "executorch", "torch", python=(3, 13, 1)), None, BOTH)
    assert "`pip install onnxruntime` there" in found[Runtime.ONNXRUNTIME]


@pytest.mark.parametrize(
    ("packages", "wanted", "absent", "install"),
    [
        ((), None, "numpy and executorch and onnxruntime", "numpy executorch torch onnxruntime"),
        (("numpy",), None, "executorch and onnxruntime", "executorch torch onnxruntime"),
        (("onnxruntime", "executorch", "torch"), None, "numpy", "numpy"),
        (("numpy", "onnxruntime"), (Runtime.EXECUTORCH,), "executorch", "executorch torch"),
    ],
)
def test_what_cannot_be_done_without_is_an_error(
    packages: tuple[str, ...], wanted: tuple[Runtime, ...] | None, absent: str, install: str
) -> None:
    with pytest.raises(BoardError) as caught:
        require_packages("board", hello(*packages), wanted, BOTH)
    assert str(caught.value) == (
        f"board: /usr/bin/python3 (Python 3.11) has no {absent}. Install it on the board with `/usr/bin/python3 -m pip"
        f" install {install}`, or let --setup make a private environment there."
    )


@pytest.mark.parametrize(
    ("python", "packages"),
    [
        ((3, 9), ("executorch", "torch")),
        ((3, 11, 9), ("executorch", "torch")),
        ((3, 12, 0), ("executorch-numpy-runtime",)),
        ((4, 0), ("executorch-numpy-runtime",)),
    ],
)
def test_the_light_executorch_is_taken_where_it_exists(python: tuple[int, ...], packages: tuple[str, ...]) -> None:
    """The other one needs torch, which it does not bring in all versions."""
    assert requirements(hello(python=python), BOTH) == ("numpy", *packages, "onnxruntime")


@pytest.mark.parametrize("python", [None, "3.11", [], [3], ["3", "11"], [3.0, 11], {"major": 3}])
def test_a_python_that_tells_no_version_is_the_oldest(python: Any) -> None:
    assert python_version(hello(python=python)) == (0, 0)


@pytest.mark.parametrize("executable", ["\x1b[2J/bin/python\n3", "/bin/python\u202e3" + "x" * 1000])
def test_nothing_a_board_says_reaches_the_terminal_raw(executable: str) -> None:
    with pytest.raises(BoardError) as caught:
        require_packages("board", hello(executable=executable), None, BOTH)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000

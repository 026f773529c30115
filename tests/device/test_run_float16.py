"""Which model `run.py` takes of a package with one in float16, what it says of it, and what it falls back to."""

import argparse
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.demo import evaluation_dir
from levit_edge.device import engines, run
from levit_edge.device.float16 import Float16, float16_of
from levit_edge.device.run import main, parse_arguments, self_test
from levit_edge.device.unpacked import UnpackedPackage, open_best
from levit_edge.errors import ExitStatus, PackageError, RuntimeUnavailableError
from tests.device import cpuinfo_texts as texts
from tests.package.conftest import FLOAT16_PTE

A53, A76 = (float16_of("aarch64", each) for each in (texts.RASPBERRY_PI_3, texts.RASPBERRY_PI_5))
X86 = float16_of("x86_64", texts.X86_VNNI)
Engine = Callable[[bytes, int], Callable[[Any], Any]]


@pytest.fixture
def package(float16_package: bytes, tmp_path: Path) -> UnpackedPackage:
    with zipfile.ZipFile(BytesIO(float16_package)) as archive:
        archive.extractall(tmp_path / "unpacked")
    return UnpackedPackage(tmp_path / "unpacked")


@pytest.fixture
def installed(package: UnpackedPackage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these packages be installed; they give the golden logits, or what `float16` gives for that model."""
    golden = {each["file"]: package.floats(each["golden_output"]) for each in package.models}
    inputs = package.floats(package.golden_input)

    def answer(name: str) -> Callable[[Any], Any]:
        return lambda image: golden[name][int(np.abs(inputs - image).sum((1, 2, 3)).argmin())]

    def install(*packages: str, float16: Callable[[Any], Any] | Exception | None = None) -> None:
        def load(model: bytes, _threads: int) -> Callable[[Any], Any]:
            if isinstance(float16, Exception) and model == FLOAT16_PTE:
                raise float16
            if callable(float16) and model == FLOAT16_PTE:
                return float16
            return answer(next(each["file"] for each in package.models if package.read(each["file"]) == model))

        def absent() -> Engine:
            raise ImportError("No module")

        for name in engines.ENGINES:
            monkeypatch.setitem(engines.ENGINES, name, (lambda: load) if name in packages else absent)

    return install


@pytest.fixture
def started(
    package: UnpackedPackage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """What the program ends with and says on a Cortex-A76."""
    monkeypatch.setattr(run, "__file__", str(package.folder / "run.py"))
    monkeypatch.setattr(run, "float16_here", lambda: A76)

    def start(*arguments: str) -> tuple[int, str, str]:
        return main([*arguments]), *capsys.readouterr()

    return start


BOTH = ("onnxruntime", "executorch-numpy-runtime")


def asked(*options: str) -> argparse.Namespace:
    return parse_arguments(["--self-test", *options])


def taken(package: UnpackedPackage, float16: Float16, *options: str) -> str:
    return str(open_best(package, asked(*options), float16).model["file"])


def test_the_processor_decides_and_it_is_said(
    package: UnpackedPackage, installed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    installed(*BOTH)
    assert taken(package, A76) == "model-f16.pte"
    assert taken(package, A53) == "model.onnx"
    assert taken(package, X86) == "model.onnx"
    assert capsys.readouterr().err.splitlines() == [
        "model-f16.pte is used: Cortex-A76 has float16 arithmetic (fphp, asimdhp in /proc/cpuinfo)",
        "model.onnx is used: Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo)",
        "model.onnx is used: AMD EPYC 9004 (x86_64) has no float16 arithmetic to speed it up",
    ]
    assert taken(package, A53, "--runtime", "executorch") == "model.pte"


def test_a_choice_is_followed_in_silence(
    package: UnpackedPackage, installed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    installed(*BOTH)
    assert taken(package, A76, "--precision", "int8") == "model.pte"
    assert taken(package, A76, "--precision", "int8", "--runtime", "onnxruntime") == "model.onnx"
    assert taken(package, A53, "--precision", "int8", "--runtime", "executorch") == "model.pte"
    assert taken(package, A76, "--runtime", "onnxruntime") == "model.onnx"  # float16 was not in the running
    assert taken(package, X86, "--precision", "int8-f16") == "model-f16.pte"  # slow, and right
    assert capsys.readouterr().err == ""


def test_float16_that_would_fail_is_one_message(package: UnpackedPackage, installed: Callable[..., None]) -> None:
    installed(*BOTH)
    with pytest.raises(RuntimeUnavailableError) as refused:
        taken(package, A53, "--precision", "int8-f16")
    assert str(refused.value) == (
        "model-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in"
        " /proc/cpuinfo): use model.pte."
    )


def test_a_package_without_such_a_model_says_what_it_has(
    board_package: bytes, tmp_path: Path, installed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    installed(*BOTH)
    with zipfile.ZipFile(BytesIO(board_package)) as archive:
        archive.extractall(tmp_path / "former")
    former = UnpackedPackage(tmp_path / "former")
    with pytest.raises(PackageError, match=r"no model int8-f16 for executorch, only model\.pte, model\.onnx\.$"):
        taken(former, A76, "--precision", "int8-f16", "--runtime", "executorch")
    assert [taken(former, each) for each in (A76, A53, X86)] == ["model.pte", "model.onnx", "model.onnx"]
    assert capsys.readouterr().err == ""


FAULTS = pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (RuntimeError("Error 0x20"), "refuses model-f16.pte (Error 0x20); the oldest known to load it is executorch"),
        (lambda _image: np.ones(3, np.float32), "does not compute here what it computed where it was made"),
        (lambda _image: 1 / 0, "model-f16.pte does not run here (division by zero)"),
    ],
    ids=["refused", "other logits", "fails"],
)


@FAULTS
def test_what_does_not_work_is_left_for_int8(
    package: UnpackedPackage,
    installed: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    fault: Any,
    reason: str,
) -> None:
    """Nobody asked for it by name; and it is the golden inputs that tell, before any photograph."""
    installed(*BOTH, float16=fault)
    assert taken(package, A76) == "model.pte"
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("model.pte is used: model-f16.pte is for this processor and does not work on it (")
    assert reason in said
    assert said.endswith(")")
    assert not said.endswith(".)")


def test_a_runtime_that_refuses_all_its_files_is_left_for_the_other_and_named(
    package: UnpackedPackage,
    installed: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(_model: bytes, _threads: int) -> Any:
        raise RuntimeError("Error 0x20")

    installed("onnxruntime")
    monkeypatch.setitem(engines.ENGINES, "executorch-numpy-runtime", lambda: refuse)
    assert taken(package, A76) == taken(package, A76, "--precision", "int8") == "model.onnx"
    reasons = [
        rf"{file} is for this processor and does not work on it \(executorch-numpy-runtime [\w.]+ refuses {file}"
        r" \(Error 0x20\); the oldest known to load it is executorch [\d.]+\)"
        for file in ("model-f16.pte", "model.pte")
    ]
    both, one = capsys.readouterr().err.splitlines()
    assert re.fullmatch("model.onnx is used: " + "; ".join(reasons), both)
    assert re.fullmatch(f"model.onnx is used: {reasons[1]}", one)
    monkeypatch.setitem(engines.ENGINES, "onnxruntime", engines.ENGINES["executorch"])  # absent
    with pytest.raises(RuntimeUnavailableError, match=r"refuses model-f16\.pte \(.*\. .* refuses model\.pte \(Error"):
        taken(package, A76)


WITH_A_PHOTOGRAPH = pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda _image: 1 / 0, "model-f16.pte does not run here (division by zero)"),
        (lambda _image: np.full(3, np.nan, np.float32), "model-f16.pte gives logits that are not finite numbers"),
    ],
    ids=["fails", "no numbers"],
)


@pytest.fixture
def after_golden(package: UnpackedPackage) -> Callable[..., Callable[[Any], Any]]:
    """What gives the golden logits, and fails with a photograph."""
    golden = next(each for each in package.models if each["file"] == "model-f16.pte")["golden_output"]
    inputs, outputs = package.floats(package.golden_input), package.floats(golden)

    def failing(fault: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def later(image: Any) -> Any:
            found = [output for each, output in zip(inputs, outputs, strict=True) if np.array_equal(each, image[0])]
            return found[0] if found else fault(image)

        return later

    return failing


@WITH_A_PHOTOGRAPH
def test_what_fails_with_a_photograph_is_left_for_int8(
    started: Callable[..., tuple[int, str, str]], installed: Callable[..., None],
    after_golden: Callable[..., Callable[[Any], Any]], fault: Callable[[Any], Any], reason: str,
) -> None:  # fmt: skip
    """The golden inputs told nothing. Of two photographs each is classified once."""
    installed(*BOTH, float16=after_golden(fault))
    photographs = [str(path) for path in sorted(evaluation_dir().glob("*/*.jpg"))[:2]]
    status, out, err = started(*photographs)
    assert status == ExitStatus.DONE
    assert [line for line in out.splitlines() if not line.startswith(" ")] == photographs
    assert err.splitlines()[1:-1] == [f"model.pte is used: {reason}"]
    status, out, err = started("--precision", "int8-f16", *photographs)
    assert (status, out, err) == (ExitStatus.BAD_INPUT, "", f"error: {reason}.\n")


@WITH_A_PHOTOGRAPH
def test_where_the_next_one_is_refused_then_both_reasons_are_told(
    started: Callable[..., tuple[int, str, str]], installed: Callable[..., None],
    after_golden: Callable[..., Callable[[Any], Any]], monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Any], Any], reason: str,
) -> None:  # fmt: skip
    later = after_golden(fault)

    def load(model: bytes, _threads: int) -> Any:
        if model == FLOAT16_PTE:
            return later
        raise RuntimeError("Error 0x20")

    installed("onnxruntime")
    monkeypatch.setitem(engines.ENGINES, "executorch-numpy-runtime", lambda: load)
    photograph = str(min(evaluation_dir().glob("*/*.jpg")))
    status, _, err = started(photograph)
    assert status == ExitStatus.DONE
    (said,) = err.splitlines()[1:]
    assert said.startswith(f"model.onnx is used: {reason}; model.pte is for this processor and does not work on it (")
    monkeypatch.setitem(engines.ENGINES, "onnxruntime", engines.ENGINES["executorch"])  # absent
    status, out, err = started(photograph)
    assert (status, out) == (ExitStatus.BAD_INPUT, "")
    (said,) = err.splitlines()[1:]
    assert said.startswith(f"error: {reason}. executorch-numpy-runtime ")
    assert "refuses model.pte (Error 0x20)" in said


@FAULTS
@pytest.mark.parametrize("asked_for", ["--bench", "--self-test", "photograph"])
def test_what_was_asked_for_and_does_not_work_is_one_message(
    started: Callable[..., tuple[int, str, str]], installed: Callable[..., None], fault: Any, reason: str,
    asked_for: str,
) -> None:  # fmt: skip
    installed(*BOTH, float16=fault)
    status, out, err = started(asked_for, "--precision", "int8-f16")
    assert (status, out, err.count("\n")) == (ExitStatus.BAD_INPUT, "", 1)
    assert err.startswith("error: ")
    assert reason in err


@FAULTS
def test_the_self_test_says_what_does_not_work_though_another_is_taken(
    started: Callable[..., tuple[int, str, str]], installed: Callable[..., None], fault: Any, reason: str
) -> None:
    installed("executorch-numpy-runtime", float16=fault)
    status, out, err = started("--self-test")
    assert status == ExitStatus.BAD_INPUT
    assert out.startswith("model.pte in executorch-numpy-runtime")
    assert err.splitlines()[0].startswith("model.pte is used: model-f16.pte is for this processor")
    assert err.splitlines()[1].startswith("error: ")
    assert reason.partition(" what it computed")[0] in err.splitlines()[1]


def test_without_its_runtime_it_is_named(
    package: UnpackedPackage, installed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    installed("onnxruntime")
    assert taken(package, A76) == "model.onnx"
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("model.onnx is used: model-f16.pte, which is for this processor, needs executorch (")
    installed()
    with pytest.raises(RuntimeUnavailableError, match="no runtime is installed"):
        taken(package, A76)


def test_the_self_test_is_of_each_model_that_runs_here(
    package: UnpackedPackage, installed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    installed(*BOTH)
    for float16, expected in (
        (A76, ["model-f16.pte in", "model.pte in"]),
        (X86, ["model.pte in", "model-f16.pte in"]),
        (A53, ["model.pte in", "not run: model-f16.pte computes in float16, and Cortex-A53 has no"]),
    ):
        chosen = asked("--runtime", "executorch")
        self_test(package, open_best(package, chosen, float16), float16, chosen)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        assert all(line.startswith(each) for line, each in zip(lines, expected, strict=True)), lines
        assert all(line.endswith("passed") for line in lines if " in executorch" in line)
    installed(*BOTH, float16=lambda _image: np.ones(3, np.float32))
    chosen = asked("--runtime", "executorch")
    with pytest.raises(PackageError, match=r"model-f16\.pte in executorch-numpy-runtime \S+ does not compute here"):
        self_test(package, open_best(package, chosen, X86), X86, chosen)


def test_the_program_asks_the_processor(
    package: UnpackedPackage,
    installed: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    installed(*BOTH)
    monkeypatch.setattr(run, "__file__", str(package.folder / "run.py"))
    monkeypatch.setattr(run, "float16_here", lambda: A53)
    assert main(["--self-test", "--precision", "int8-f16"]) == ExitStatus.BAD_INPUT
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("error: model-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic")
    monkeypatch.setattr(run, "float16_here", lambda: A76)
    assert main(["--self-test"]) == ExitStatus.DONE
    assert capsys.readouterr().out.startswith("model-f16.pte in executorch-numpy-runtime")

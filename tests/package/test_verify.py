import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Runtime
from levit_edge.cli.main import run
from levit_edge.device.float16 import float16_of
from levit_edge.errors import ExitStatus, PackageError, RuntimeUnavailableError
from levit_edge.package.contents import Purpose, expected_files
from levit_edge.package.document import FloatArray
from levit_edge.package.package import Package
from levit_edge.package.verify import verify_package
from tests.device import cpuinfo_texts as texts
from tests.package.test_package import with_document

FILES = 1 + len(expected_files(Purpose.BOARD))


@pytest.fixture
def without_executorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        f"{verify_package.__module__}.runtime_version",
        lambda runtime: "1.31" if runtime is Runtime.ONNXRUNTIME else "not installed",
    )


@pytest.fixture
def path(board_package: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "colours.zip"
    path.write_bytes(board_package)
    return path


@pytest.mark.usefixtures("without_executorch")
def test_models_run_where_their_runtime_is_installed(path: Path) -> None:
    found = verify_package(path)
    pte, onnx = found.self_tests
    assert (pte.version, pte.max_abs_difference) == ("not installed", None)
    assert (onnx.version, onnx.images) == ("1.31", 2)
    assert onnx.max_abs_difference is not None
    assert onnx.max_abs_difference < 1e-5
    assert (found.files, found.signature_checked, found.size_bytes) == (FILES, False, path.stat().st_size)


@pytest.mark.usefixtures("without_executorch")
def test_the_command_says_what_was_run_and_what_not(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(path)]) == ExitStatus.DONE
    said = capsys.readouterr().out
    assert f"a package for board, {FILES} files" in said
    assert "model.pte: not run, executorch is not installed" in said
    assert "model.onnx: computes in onnxruntime 1.31 what it should, 2 golden images" in said
    assert run(["verify", str(path), "--json"]) == ExitStatus.DONE
    document = json.loads(capsys.readouterr().out)
    assert (document["schema_version"], document["package"], document["purpose"]) == (1, str(path), "board")
    assert [test["file"] for test in document["self_tests"]] == ["model.pte", "model.onnx"]


@pytest.mark.parametrize(("here", "ran"), [(texts.RASPBERRY_PI_3, False), (texts.RASPBERRY_PI_5, True)])
def test_a_model_with_float16_runs_where_the_processor_has_it(
    float16_package: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, ran: bool
) -> None:
    path = tmp_path / "colours.zip"
    path.write_bytes(float16_package)
    monkeypatch.setattr(f"{verify_package.__module__}.runtime_version", lambda _runtime: "1.31")
    monkeypatch.setattr("levit_edge.runtime.runner.float16_here", lambda: float16_of("aarch64", here))
    monkeypatch.setattr(f"{verify_package.__module__}._difference", lambda *_: 0.0)
    *_, test = verify_package(path).self_tests
    assert (test.file, test.max_abs_difference) == ("model-f16.pte", 0.0 if ran else None)
    assert test.not_run == (
        ""
        if ran
        else "model-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in"
        " /proc/cpuinfo): use model.pte"
    )


@pytest.mark.usefixtures("without_executorch")
def test_other_logits_than_the_golden_ones_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    floats = Package.floats

    def wrong(self: Package, array: FloatArray) -> NDArray[np.float32]:
        return floats(self, array) * np.float32(1.2 if "output" in array.file else 1)

    monkeypatch.setattr(Package, "floats", wrong)
    assert run(["verify", str(path)]) == ExitStatus.BAD_INPUT
    assert "model.onnx does not compute in onnxruntime 1.31 here what it computed where" in capsys.readouterr().err


@pytest.mark.export
def test_a_runtime_that_refuses_the_file_is_named(path: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"model\.pte: ExecuTorch 1\.\S+ refuses the file"):
        verify_package(path)


def test_a_wrong_package_is_bad_input(board_package: bytes, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_bytes(with_document(board_package, lambda document: document.update(schema_version=4)))
    assert run(["verify", str(path)]) == ExitStatus.BAD_INPUT
    assert "schema_version is 4, expected 1 to 3" in capsys.readouterr().err
    assert run(["verify", str(path.with_name("missing.zip"))]) == ExitStatus.BAD_INPUT
    with pytest.raises(PackageError, match="does not exist; expected a package"):
        verify_package(path.with_name("missing.zip"))

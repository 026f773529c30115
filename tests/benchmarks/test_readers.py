"""The table of onnxruntimes that read our files; tests/release has real ones."""

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.reader_probe import probe
from benchmarks.readers import VERSIONS, Reading, main, readings
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.device.oldest import NEWEST_TRIED, OLDEST_BY_FORM, is_older
from levit_edge.errors import DataError, ExitStatus
from levit_edge.runtime.runner import open_runner

Floats = NDArray[np.float32]


def golden_file(path: Path, inputs: Floats, logits: Floats) -> Path:
    np.savez(path, allow_pickle=False, inputs=inputs, **{"int8.onnx": logits})
    return path


def test_a_file_gives_the_same_bits_or_others_or_none(tiny_bundle: Path, tmp_path: Path) -> None:
    model, inputs = tiny_bundle / "int8.onnx", Bundle.open(tiny_bundle).golden()["inputs"]
    runner = open_runner(Runtime.ONNXRUNTIME, model.read_bytes())
    logits = np.stack([runner.run(image[np.newaxis]) for image in inputs])
    same = probe(golden_file(tmp_path / "same.npz", inputs, logits), model)
    assert same == {"bits": True, "difference": 0.0, "error": None}
    other = probe(golden_file(tmp_path / "other.npz", inputs, logits + np.float32(0.5)), model)
    assert (other["bits"], other["error"]) == (False, None)
    assert other["difference"] == pytest.approx(0.5)
    (tmp_path / "int8.onnx").write_bytes(b"no model")
    refused = probe(tmp_path / "same.npz", tmp_path / "int8.onnx")
    assert (refused["bits"], refused["difference"]) == (False, None)
    assert refused["error"]


def test_versions_that_do_the_same_are_one_row(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def found(_python: Path, version: str, bundle: Bundle) -> list[Reading]:
        def reading(file: str, difference: float | None) -> Reading:
            bits = difference == 0
            return Reading(
                version=version, bundle=bundle.path.name, file=file, bits=bits, difference=difference, error=None
            )

        return [reading("fp32.onnx", 0.0), reading("int8.onnx", None if version == "1.1.0" else 0.005)]

    monkeypatch.setattr("benchmarks.readers.environment", lambda folder, _version: folder)
    monkeypatch.setattr("benchmarks.readers.readings", found)
    arguments = [str(tiny_bundle), *(f"--onnxruntime=1.{minor}.0" for minor in (1, 2, 3))]
    assert main([*arguments, "--output", str(tmp_path / "readers.json")]) == ExitStatus.DONE
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    name = tiny_bundle.name
    assert lines[-3:] == [
        f"{name} fp32.onnx 1.1.0 to 1.3.0 same bits",
        f"{name} int8.onnx 1.1.0 refused",
        f"{name} int8.onnx 1.2.0 to 1.3.0 0.005 apart",
    ]
    assert (tmp_path / "readers.json").exists()


def test_an_environment_whose_python_fails_is_an_error(tiny_bundle: Path) -> None:
    with pytest.raises(DataError, match="the environment of onnxruntime 1 does not work"):
        list(readings(Path(str(shutil.which("false"))), "1", Bundle.open(tiny_bundle)))


def test_an_onnxruntime_that_dies_of_a_file_is_a_row_and_the_next_file_is_read(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An interpreter that answers for one file, dies of another, and never comes back from a third."""
    python = tmp_path / "python"
    answer = '{"int8.onnx": {"bits": true, "difference": 0.0, "error": null}}'
    python.write_text(
        f"#!/bin/sh\ncase $4 in *fp32.onnx) echo 'free(): invalid' >&2; kill -SEGV $$ ;; *) echo '{answer}' ;; esac\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr("benchmarks.readers.environment", lambda _folder, _version: python)
    assert main([str(tiny_bundle), "--onnxruntime", "1.2.3", "--output", str(tmp_path / "out.json")]) == ExitStatus.DONE
    said = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[-2:]]
    assert said == ["died", "bits"]
    dead, alive = readings(python, "1.2.3", Bundle.open(tiny_bundle))
    assert (dead.file, dead.died, dead.error) == ("fp32.onnx", True, "SIGSEGV: free(): invalid")
    assert (alive.file, alive.died, alive.bits) == ("int8.onnx", False, True)
    python.write_text("#!/bin/sh\nsleep 9\n")
    monkeypatch.setattr("benchmarks.readers.LONGEST_S", 0.1)
    assert next(readings(python, "1.2.3", Bundle.open(tiny_bundle))).error == "no answer in 0.1 s"


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == ExitStatus.BAD_INPUT


def test_what_is_told_of_was_tried() -> None:
    assert set(OLDEST_BY_FORM.values()) <= set(VERSIONS)
    assert VERSIONS[-1] == NEWEST_TRIED
    assert all(is_older(*pair) for pair in pairwise(VERSIONS))

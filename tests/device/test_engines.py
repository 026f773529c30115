"""Which package runs a model file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from levit_edge.device import engines
from levit_edge.device.protocol import AgentError
from tests.device.test_oldest import onnx_file


def test_a_runtime_that_is_missing_is_named() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "executorch_numpy_runtime", None)
        patched.setitem(sys.modules, "torch", None)
        with pytest.raises(AgentError, match=r"executorch-numpy-runtime: .*; executorch: ") as caught:
            engines.import_engine("executorch")
    assert caught.value.kind == "missing"


@pytest.mark.parametrize("modules", [("_C",), ("_portable_lib",), ("_C", "_portable_lib")])
def test_bindings_are_found_by_either_name(
    modules: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ExecuTorch 1.5 renamed them; an environment may have leftovers of an older one."""
    package = tmp_path / "executorch" / "extension" / "pybindings"
    package.mkdir(parents=True)
    (tmp_path / "torch.py").touch()
    for each in modules:
        (package / f"{each}.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with mock.patch.dict(sys.modules):  # the empty ones must not stay for other tests
        for each in [each for each in sys.modules if each.partition(".")[0] in {"executorch", "torch"}]:
            del sys.modules[each]
        assert engines.executorch_bindings().__name__ == f"executorch.extension.pybindings.{modules[0]}"
    assert getattr(sys.modules.get("torch"), "__file__", None) != str(tmp_path / "torch.py")


def test_engines_are_tried_in_order() -> None:
    def lacking() -> None:
        raise ImportError("no")

    def load(model: bytes, threads: int) -> Callable[[Any], Any]:
        return lambda image: (model, threads, image)

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(engines.ENGINES, "executorch-numpy-runtime", lacking)
        patched.setitem(engines.ENGINES, "executorch", lambda: load)
        patched.setattr(engines, "installed_version", lambda _package: "9")
        package, loaded = engines.import_engine("executorch")
    assert package == "executorch 9"
    assert loaded(b"model", 2)("image") == (b"model", 2, "image")


@pytest.mark.parametrize(
    ("version", "error", "message"),
    [
        ("1.17.3", AgentError, r"^onnxruntime 1\.17\.3 is installed; the file needs 1\.18\.0 or"),
        ("1.18.0", OSError, "own"),
    ],
)
def test_a_runtime_that_is_too_old_is_named(version: str, error: type[Exception], message: str) -> None:
    def load(_model: bytes, _threads: int) -> Callable[[Any], Any]:
        raise OSError("its own words")

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(engines.ENGINES, "onnxruntime", lambda: load)
        patched.setattr(engines, "installed_version", lambda _package: version)
        _, loaded = engines.import_engine("onnxruntime")
    with pytest.raises(error, match=message):
        loaded(onnx_file(10, 18), 1)

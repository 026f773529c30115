"""Which package runs a model file."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from levit_edge.device import engines
from levit_edge.device.protocol import AgentError


def test_a_runtime_that_is_missing_is_named() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "executorch_numpy_runtime", None)
        patched.setitem(sys.modules, "torch", None)
        with pytest.raises(AgentError, match=r"executorch-numpy-runtime: .*; executorch: ") as caught:
            engines.import_engine("executorch")
    assert caught.value.kind == "missing"


def test_engines_are_tried_in_order() -> None:
    def lacking() -> None:
        raise ImportError("no")

    def load(_model: bytes, _threads: int) -> Callable[[Any], Any]:
        raise NotImplementedError

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(engines.ENGINES, "executorch-numpy-runtime", lacking)
        patched.setitem(engines.ENGINES, "executorch", lambda: load)
        patched.setattr(engines, "installed_version", lambda _package: "9")
        assert engines.import_engine("executorch") == ("executorch 9", load)

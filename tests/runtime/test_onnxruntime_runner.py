"""The ONNX Runtime runner, where the installed one is too old for a file."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest

from levit_edge.bundle.kinds import Runtime
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import BundleError, RuntimeUnavailableError
from levit_edge.model.config import CONFIGS
from levit_edge.runtime.evaluation.evaluator import Evaluator, Model
from levit_edge.runtime.inspect.onnxruntime import inspect_onnxruntime
from levit_edge.runtime.runner import open_runner
from tests.conftest import colour_classifier
from tests.device.test_oldest import onnx_file

OWN_WORDS = "Unsupported model IR version: 10, max supported IR version: 9"
TOO_OLD = r"onnxruntime 1\.17\.3 is installed; the file needs 1\.18\.0 or newer: pip install 'onnxruntime>=1\.18\.0'\.$"


class Old(ModuleType):
    """An onnxruntime that refuses every file."""

    __version__ = "1.17.3"
    SessionOptions = SimpleNamespace

    @staticmethod
    def InferenceSession(*_: Any, **__: Any) -> NoReturn:  # noqa: N802
        raise ValueError(OWN_WORDS)


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", Old("onnxruntime"))


@pytest.mark.usefixtures("old")
def test_one_that_is_too_old_is_named_by_all_that_run_files() -> None:
    model = onnx_file(10, 18)
    with pytest.raises(RuntimeUnavailableError, match=f"^{TOO_OLD}"):
        open_runner(Runtime.ONNXRUNTIME, model)
    evaluator = Evaluator(Preprocessing.from_config(CONFIGS["demo"]))  # of verify and predict
    with pytest.raises(RuntimeUnavailableError, match=rf"^int8\.onnx: {TOO_OLD}"):
        evaluator.add(Model(file="int8.onnx", runtime=Runtime.ONNXRUNTIME, read=lambda: model))
    with pytest.raises(BundleError, match=f"^{TOO_OLD}"):
        inspect_onnxruntime(model)


@pytest.mark.usefixtures("old")
def test_one_that_is_new_enough_for_the_file_is_quoted() -> None:
    with pytest.raises(RuntimeUnavailableError, match=rf"^ONNX Runtime 1\.17\.3 refuses the file: {OWN_WORDS}$"):
        open_runner(Runtime.ONNXRUNTIME, onnx_file(8, 18))


def test_files_of_ir_version_10_stay_readable() -> None:
    """As all bundles were made before."""
    weights = np.arange(6.0).reshape(3, 2)
    logits = open_runner(Runtime.ONNXRUNTIME, colour_classifier(weights)).run(np.ones((1, 3, 32, 32), np.float32))
    np.testing.assert_allclose(logits, weights.sum(axis=0), rtol=1e-6)

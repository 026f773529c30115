"""Unsigned activations: the same numbers in other bytes."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.recipe import Target
from levit_edge.quantize.export.onnx import export_onnx
from levit_edge.runtime.runner import open_runner
from tests.quantize.conftest import Demo

pytestmark = pytest.mark.export
LEAST_SQNR_DB = 38.0


@pytest.fixture(scope="module")
def files(demo_steps: Demo) -> dict[Target, bytes]:
    program = torch.export.export(demo_steps.graph, (torch.zeros(1, 3, 128, 128),), strict=True)
    return {target: export_onnx(program, target) for target in Target}


def test_activations_are_uint8_and_weights_int8(files: dict[Target, bytes]) -> None:
    model = onnx.load_model_from_string(files[Target.X86_64])
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    activations = {output for node in model.graph.node if node.op_type == "QuantizeLinear" for output in node.output}
    assert activations
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" or (node.op_type == "DequantizeLinear" and node.input[0] in activations):
            assert constants[node.input[2]].dtype == np.uint8
        elif node.op_type == "DequantizeLinear":
            assert constants[node.input[0]].dtype in (np.int8, np.int32)
    signed = onnx.load_model_from_string(files[Target.ANY])
    assert len(signed.graph.node) == len(model.graph.node)


def test_the_result_is_the_same(files: dict[Target, bytes], demo_steps: Demo) -> None:
    images = demo_steps.images.numpy()
    logits = {}
    for target, model in files.items():
        runner = open_runner(Runtime.ONNXRUNTIME, model)
        logits[target] = np.stack([runner.run(image[np.newaxis]) for image in images])
    noise = np.square(logits[Target.X86_64] - logits[Target.ANY]).sum()
    assert 10 * np.log10(np.square(logits[Target.ANY]).sum() / max(float(noise), 1e-12)) > LEAST_SQNR_DB

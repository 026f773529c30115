"""Int32 biases: what ONNX Runtime wants to see before it makes one QGemm of a linear and the conversions around it.

It would quantize a float bias itself, but only where the result is quantized too (1.31). The scale is the kernels' own,
input × weight, one for each output channel, and the rounding therefore that of the int32 sums: at most half a step.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

__all__ = ["make_biases_int32"]

INT32_MAX = 2**31 - 1


def make_biases_int32(graph: onnx.GraphProto) -> None:
    """Make the biases of linears with an int8 input and int8 weights int32, in place."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    nodes = []
    for node in graph.node:
        if node.op_type == "Gemm" and len(node.input) == 3 and node.input[2] in constants:
            sources = [producers[name] for name in node.input[:2] if name in producers]
            if [source.op_type for source in sources] == ["DequantizeLinear"] * 2:
                values, weight = (_constant(constants, source.input[1]) for source in sources)
                scales = np.multiply(values, weight)
                nodes.append(_dequantize_bias(graph, node, _constant(constants, node.input[2]), scales))
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _constant(constants: dict[str, onnx.TensorProto], name: str) -> NDArray[np.float32]:
    return numpy_helper.to_array(constants[name]).astype(np.float32)


def _dequantize_bias(
    graph: onnx.GraphProto, gemm: onnx.NodeProto, bias: NDArray[np.float32], scales: NDArray[np.float32]
) -> onnx.NodeProto:
    """Make `gemm` read the bias from the node that is returned, and put its constants into `graph`."""
    name = f"{gemm.output[0]}_bias"
    steps = np.round(bias.astype(np.float64) / scales).clip(-INT32_MAX, INT32_MAX).astype(np.int32)
    inputs = {f"{name}_int32": steps, f"{name}_scale": scales, f"{name}_zero_point": np.zeros_like(steps)}
    graph.initializer.extend(numpy_helper.from_array(values, key) for key, values in inputs.items())
    gemm.input[2] = name
    return helper.make_node("DequantizeLinear", list(inputs), [name], name=name, axis=0)

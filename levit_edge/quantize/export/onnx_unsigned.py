"""The same int8 ONNX file with unsigned activations, as x86-64 kernels want them.

int8 q with zero point z and uint8 q + 128 with zero point z + 128 are the same number, so only the zero points of
activations change. ONNX Runtime turns signed activations into unsigned ones itself on x86-64, but only where one layer
reads them: q, k and v, which share their input, stay in float (1.31).
"""

import numpy as np
import onnx
from onnx import numpy_helper

__all__ = ["make_activations_unsigned"]

SHIFT = 128


def make_activations_unsigned(graph: onnx.GraphProto) -> None:
    """Quantize activations to uint8, in place; weights stay int8."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    quantizers = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    quantized = {output for node in quantizers for output in node.output}
    readers = [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in quantized]
    shifted: dict[str, onnx.TensorProto] = {}
    for node in (*quantizers, *readers):
        name = node.input[2]
        unsigned = f"{name}_unsigned"
        if name not in shifted:
            zero_point = numpy_helper.to_array(constants[name]).astype(np.int16) + SHIFT
            shifted[name] = numpy_helper.from_array(zero_point.astype(np.uint8), unsigned)
        node.input[2] = unsigned
    graph.initializer.extend(shifted.values())
    types = [value for value in graph.value_info if value.name not in quantized]
    del graph.value_info[:]
    graph.value_info.extend(types)

"""What torch and its exporters keep of every program that was exported: for good, unless somebody clears it."""

import sys
from typing import Any

from torch._subclasses.fake_tensor import FakeTensorMode

__all__ = ["forget_programs"]

CACHED = (
    ("executorch.exir.backend.utils", "is_same_node"),
    ("torch.ao.quantization.fx.utils", "assert_and_get_unique_device"),
    ("torchao.utils", "_assert_and_get_unique_device"),
)
"""(module, function): who has not imported it, which takes seconds, has nothing there."""
REWRITER = "onnxscript.rewriter"


def forget_programs() -> None:
    """Drop what holds on to quantized graphs and exported programs, and with them to weights and to finished files.

    Found with executorch 1.4.1, torch 2.13, torchao 0.18 and onnxscript 0.7: the files of a LeViT-256 left 290 MiB of
    weights behind. torch's cache has the delegates among its keys, ExecuTorch's the nodes of graphs, two of torch's and
    torchao's the networks of which they looked up the device; each of onnxscript's rules holds on to the last graph
    that it was tried on. None of this changes what is computed.
    """
    FakeTensorMode.cache_clear()
    for module, name in CACHED:
        cached: Any = getattr(sys.modules.get(module), name, None)
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    if rewriter := sys.modules.get(REWRITER):
        _try_rules_on_something_small(rewriter)


def _try_rules_on_something_small(rewriter: Any) -> None:
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("before", "after")]
    graph = helper.make_graph([helper.make_node("Relu", ["before"], ["after"])], "small", ends[:1], ends[1:])
    rewriter.rewrite(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]))

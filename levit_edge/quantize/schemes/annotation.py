"""What the files of schemes say to torchao: with which parameters a node is quantized."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchao.quantization.pt2e import ObserverBase
from torchao.quantization.pt2e.quantizer import FixedQParamsQuantizationSpec, QuantizationAnnotation, QuantizationSpec

from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, WEIGHT_MAX, Range

__all__ = ["annotated", "fixed_range", "per_channel_weights"]


def annotated(inputs: Mapping[Any, QuantizationSpec], output: QuantizationSpec | None) -> QuantizationAnnotation:
    """A node that quantizes its `inputs`, which are nodes, and its output if something is said of that."""
    return QuantizationAnnotation(input_qspec_map=dict(inputs), output_qspec=output, _annotated=True)


def fixed_range(bounds: Range) -> FixedQParamsQuantizationSpec:
    """Int8 activations of a range that calibration found."""
    affine = bounds.affine()
    return FixedQParamsQuantizationSpec(
        dtype=torch.int8,
        scale=affine.scale,
        zero_point=affine.zero_point,
        quant_min=INT8_MIN,
        quant_max=INT8_MAX,
        qscheme=torch.per_tensor_affine,
    )


def per_channel_weights(scales: Tensor) -> QuantizationSpec:
    """Int8 weights of the given scales, (outputs,)."""
    return QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=_GivenScales.with_args(scales=scales),
        quant_min=-WEIGHT_MAX,
        quant_max=WEIGHT_MAX,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
    )


class _GivenScales(ObserverBase):  # type: ignore[misc]
    """An "observer" that hands the given per-channel scales to `convert_pt2e`."""

    def __init__(self, scales: Tensor, **_: Any) -> None:
        super().__init__(torch.int8)
        self.scales = scales
        self.qscheme = torch.per_channel_symmetric
        self.ch_axis = 0
        self.quant_min, self.quant_max = -WEIGHT_MAX, WEIGHT_MAX

    def forward(self, weight: Tensor) -> Tensor:
        """Pass the weight on unobserved."""
        return weight

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Scales and zero points, each (outputs,)."""
        return self.scales, torch.zeros_like(self.scales, dtype=torch.int64)

"""The first convolution by pairs of columns computes what it computed."""

import pytest
import torch
from torch import Tensor, nn

from levit_edge.quantize.export.float16_image import make_first_convolution_half
from levit_edge.quantize.export.program import export_program

STEP = 2.0**-11
"""Of what is rounded to float16."""


_Q = torch.ops.quantized_decomposed
INT8 = (-128, 127, torch.int8)


class First(nn.Module):
    """The stem's first convolution, of float16 weights where the graph is to be compared with it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1).half()

    def forward(self, image: Tensor) -> Tensor:
        return self.conv1(image)  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", [(8, 8), (6, 10), (7, 9), (5, 2)], ids=str)
def test_by_pairs_of_columns_it_is_the_same_convolution(size: tuple[int, int]) -> None:
    network, image = First(), torch.randn(1, 3, *size).half()
    with torch.no_grad():
        expected = network(image)
        graph = export_program(network, image).module()
        make_first_convolution_half(graph)
        graph.recompile()
        found = graph(image.float())
    kernels = [tuple(buffer.shape) for name, buffer in graph.named_buffers() if name.endswith("_weight")]
    assert kernels == [(8, 6, 3, 2) if size[1] % 2 == 0 else (8, 3, 3, 3)]
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 4 * STEP * float(expected.abs().max())


class Int8First(nn.Module):
    """The same of int8 weights, with the range of the image taken at run time."""

    weight: Tensor
    scales: Tensor
    zero_points: Tensor
    bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("weight", torch.randint(-127, 128, (8, 3, 3, 3), dtype=torch.int8, generator=generator))
        self.register_buffer("scales", torch.rand(8, generator=generator) / 100)
        self.register_buffer("zero_points", torch.zeros(8, dtype=torch.int64))
        self.register_buffer("bias", torch.randn(8, generator=generator))

    def forward(self, image: Tensor) -> Tensor:
        affine = _Q.choose_qparams.tensor(image, -128, 127, 1e-5, torch.int8)
        rounded = _Q.quantize_per_tensor.tensor(image, *affine, *INT8)
        values = _Q.dequantize_per_tensor.tensor(rounded, *affine, *INT8)
        weight = _Q.dequantize_per_channel.default(self.weight, self.scales, self.zero_points, 0, *INT8)
        return torch.conv2d(values, weight, self.bias, stride=2, padding=1)


@pytest.mark.parametrize("size", [(8, 8), (7, 9)], ids=str)
def test_int8_weights_are_what_they_stand_for(size: tuple[int, int]) -> None:
    """And the image is no longer rounded to int8."""
    network, image = Int8First(), torch.randn(1, 3, *size)
    weight = network.get_buffer("weight").double() * network.get_buffer("scales").double().view(8, 1, 1, 1)
    expected = torch.conv2d(image.double(), weight, network.get_buffer("bias").double(), stride=2, padding=1)
    graph = export_program(network, image).module()
    make_first_convolution_half(graph)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    with torch.no_grad():
        found = graph.half()(image)
    assert found.dtype is torch.float16
    assert float((found - expected).abs().max()) <= 4 * STEP * float(expected.abs().max())

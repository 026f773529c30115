"""The first convolution by pairs of columns computes what it computed."""

import pytest
import torch
from torch import Tensor, nn

from levit_edge.quantize.export.float16_image import make_first_convolution_half
from levit_edge.quantize.export.program import export_program

STEP = 2.0**-11
"""Of what is rounded to float16."""


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

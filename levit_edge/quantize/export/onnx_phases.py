"""The stem's first two convolutions as matrix products over phases of the image, for ONNX files for ARM.

ONNX Runtime collects the pixels under a kernel one by one before it multiplies, which takes as many instructions on a
Cortex-A76 as the products themselves where channels are few. A convolution of stride 2 reads even and odd rows and
columns. So the image is taken apart into its 4 × 4 phases (every fourth row and column): each tap of the first
convolution then reads whole phases, and so does the second of the first one's 2 × 2. What lies under all kernels is a
concatenation of planes, moved as memory, and the bias one row more: ones. Planes left of and above the image are those
of the last phase, moved by one column or row.

Measured on the LeViT-128S stand-in, in millions of instructions on a Cortex-A76: both in float16, with what moves their
pixels, 6.8, and as convolutions, the second in float16, 9.0. The last two are no faster so. x86-64 has a better way for
all of them: there the whole network takes 12 % longer.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

__all__ = ["PHASES", "convolve_in_phases"]

_ATEN = torch.ops.aten
CONVOLUTIONS = 2
PHASES = 2**CONVOLUTIONS
"""Along each axis of the image."""
KERNEL = 3


def convolve_in_phases(graph: GraphModule, convolutions: Sequence[Node]) -> None:
    """Replace the first two of a stem's `convolutions`, whose weights are floats, in place.

    They are in the type of the second's weights. Nothing happens if the first does not read the image, and the second
    its hardswish, or if the image has not whole phases.
    """
    if len(convolutions) < CONVOLUTIONS or convolutions[0].args[0] is not _image(graph):
        return
    size = _image(graph).meta["val"].shape[-1]
    if size % PHASES:
        return
    first, second = convolutions[:CONVOLUTIONS]
    hardswish = _before_cast(cast(Node, second.args[0]))
    if hardswish.target is not _ATEN.hardswish.default or hardswish.args[0] is not first:
        return
    (reader,) = second.users
    result = reader if reader.target is _ATEN._to_copy.default else second
    weights = [_constants(graph, node) for node in (first, second)]
    graph.add_submodule("stem_in_phases", _PhaseStem(weights, size))
    with graph.graph.inserting_before(result):
        replacement = graph.graph.call_module("stem_in_phases", (first.args[0],))
    result.replace_all_uses_with(replacement)
    graph.graph.eliminate_dead_code()


def _image(graph: GraphModule) -> Node:
    return cast(Node, next(node for node in graph.graph.nodes if node.op == "placeholder"))


def _constants(graph: GraphModule, convolution: Node) -> list[Tensor]:
    """Weight and bias."""
    return [graph.get_buffer(str(cast(Node, given).target)) for given in convolution.args[1:3]]


def _before_cast(node: Node) -> Node:
    return cast(Node, node.args[0]) if node.target is _ATEN._to_copy.default else node


class _PhaseStem(nn.Module):
    """Float32 (1, 3, size, size) -> (1, channels, size / 4, size / 4), of the second convolution."""

    def __init__(self, weights: Sequence[Sequence[Tensor]], size: int) -> None:
        super().__init__()
        self.plane = size // PHASES
        self.dtype = weights[-1][0].dtype
        phases = [PHASES >> (step + 1) for step in range(CONVOLUTIONS)]
        self.convolutions = nn.ModuleList(
            _PhaseConvolution(weight.to(self.dtype), bias.to(self.dtype), count, self.plane)
            for (weight, bias), count in zip(weights, phases, strict=True)
        )

    def forward(self, image: Tensor) -> Tensor:
        """The convolutions, with hardswish between them."""
        plane, size = self.plane, self.plane * PHASES
        rows = torch.cat(torch.split(image.view(3, plane, PHASES, size), 1, dim=2))  # (row phase × 3, plane, 1, size)
        values = rows.view(PHASES * 3 * plane, plane, PHASES).permute(2, 0, 1)  # column phases first
        first, second = self.convolutions
        hidden = nn.functional.hardswish(first(values.to(self.dtype)).float()).to(self.dtype)
        return cast(Tensor, second(hidden)).float().view(1, -1, plane, plane)


class _PhaseConvolution(nn.Module):
    """A 3×3 convolution of stride 2, (column phase, row phase, channel, row, column) of any shape -> the same.

    Of `phases` × `phases` of its own, twice that of its input along each axis.
    """

    left: Tensor
    above: Tensor
    ones: Tensor
    chosen: Tensor
    matrix: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, phases: int, plane: int) -> None:
        super().__init__()
        outputs, channels = weight.shape[:2]
        self.phases, self.channels, self.plane = phases, channels, plane
        read, like = 2 * phases, weight.dtype
        self.register_buffer("left", torch.zeros(1, read, channels, plane, 1, dtype=like))
        self.register_buffer("above", torch.zeros(read + 1, 1, channels, plane, dtype=like))
        self.register_buffer("ones", torch.ones(1, plane**2, dtype=like))
        chosen = torch.stack([self._under(row, column) for column in range(phases) for row in range(phases)])
        matrix = torch.cat([weight.permute(0, 2, 3, 1).flatten(1), bias[:, None]], 1)
        if phases == 1:
            matrix = matrix[:, chosen[0].argsort()]  # all rows, in the order in which they are there
        self.register_buffer("chosen", chosen.flatten())
        self.register_buffer("matrix", matrix.expand(phases**2, outputs, -1).contiguous())

    def _under(self, row: int, column: int) -> Tensor:
        """The rows, of all there are in `forward`, that a phase of the result multiplies."""
        taps = [(2 * row + down - 1, 2 * column + right - 1) for down in range(KERNEL) for right in range(KERNEL)]
        first = torch.tensor([self._plane_at(*tap) for tap in taps]) * self.channels
        last = torch.tensor([(2 * self.phases + 1) ** 2 * self.channels])
        return torch.cat([(first[:, None] + torch.arange(self.channels)).flatten(), last])

    def _plane_at(self, row: int, column: int) -> int:
        """Number of the plane of a phase; -1 is the last one, moved."""
        read = 2 * self.phases
        column %= read + 1
        return (read + 1) * read + column if row < 0 else column * read + row

    def forward(self, values: Tensor) -> Tensor:
        read, plane = 2 * self.phases, self.plane
        values = values.view(read, read, self.channels, plane, plane)
        moved_right = torch.cat([self.left, values[-1:, ..., :-1]], dim=-1)
        columns = torch.cat([values, moved_right]).view(read + 1, read, self.channels, plane**2)
        moved_down = torch.cat([self.above, columns[:, -1:, :, :-plane]], dim=-1)
        planes = [part.view(-1, plane**2) for part in (columns, moved_down)]
        everything = torch.cat([*planes, self.ones])
        if self.phases == 1:
            return self.matrix[0] @ everything
        return self.matrix @ everything.index_select(0, self.chosen).view(self.phases**2, -1, plane**2)

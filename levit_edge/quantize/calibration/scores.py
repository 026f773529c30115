"""How large attention's scores are on calibration images: what their float16 has to hold."""

from functools import partial

from torch import Tensor, nn

from levit_edge.model.deploy import DeployAttention, DeployLeViT, DeployShrinkingAttention
from levit_edge.quantize.calibration.histogram import extremes
from levit_edge.quantize.ranges.affine import Range

__all__ = ["ScoreRanges"]


class ScoreRanges:
    """Of q kᵀ, before the bias, over all heads and tokens of the images that `deploy` is run on.

    Raises, while it watches:
        QuantizationError: a score is not finite.
    """

    def __init__(self, deploy: DeployLeViT) -> None:
        self.ranges: dict[str, Range] = {}
        """By the names of the blocks, such as `blocks.0`."""
        self.hooks = [
            block.scores.register_forward_hook(partial(self._add, name))
            for name, block in deploy.named_modules()
            if isinstance(block, DeployAttention | DeployShrinkingAttention)
        ]
        """To be removed after the pass."""

    def _add(self, block: str, _product: nn.Module, _operands: tuple[Tensor, Tensor], scores: Tensor) -> None:
        low, high = extremes(scores, f"{block}.scores")
        seen = self.ranges.get(block, Range(minimum=low, maximum=high))
        self.ranges[block] = Range(minimum=min(seen.minimum, low), maximum=max(seen.maximum, high))

"""Room for what other images give beyond all that calibration saw.

Of 1,960 images two that left their ranges by half were a quarter of all the noise of LeViT-256's stand-in, and three by
as much a tenth of LeViT-128S's (256 images calibrated). Wider ranges have larger steps, which cost little where little
depends on them: in the last stage. Measured on both, the noise of float16's files in dB without margins, with a tenth
everywhere, and with this: 38.6, 39.9, 40.2 (256), 40.0, 40.6, 40.3 (128S).
"""

from levit_edge.model.deploy import DeployLeViT, DeployShrinkingAttention
from levit_edge.quantize.ranges.affine import Range

__all__ = ["Margins"]

IMAGE = "stem.conv1.input"
MARGIN = 1.1
LAST_STAGE_MARGIN = 1.25


class Margins:
    """How much wider than seen the ranges of one network are to be: not at all for the image, whose ends all have."""

    def __init__(self, deploy: DeployLeViT) -> None:
        shrinking = [index for index, block in enumerate(deploy.blocks) if isinstance(block, DeployShrinkingAttention)]
        self._last_stage = shrinking[-1]

    def widened(self, site: str, seen: Range) -> Range:
        """The range of `site`, such as `blocks.3.up.input`."""
        if site == IMAGE:
            return seen
        part, _, rest = site.partition(".")
        in_last = part == "head" or (part == "blocks" and int(rest.partition(".")[0]) >= self._last_stage)
        factor = LAST_STAGE_MARGIN if in_last else MARGIN
        return Range(minimum=factor * seen.minimum, maximum=factor * seen.maximum)

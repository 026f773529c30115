"""One pass over images, with hooks that watch a network's layers."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from levit_edge.errors import QuantizationError

__all__ = ["observe"]


def observe(
    network: Callable[[Tensor], object], batches: Iterable[Tensor], hooks: Sequence[RemovableHandle], purpose: str
) -> int:
    """Run `network` on float32 (batch, 3, size, size) `batches`, remove its `hooks`, and return the number of images.

    Raises:
        QuantizationError: there are no images; it names the `purpose`.
    """
    images = 0
    try:
        with torch.inference_mode():
            for batch in batches:
                network(batch)
                images += len(batch)
    finally:
        for hook in hooks:
            hook.remove()
    if not images:
        raise QuantizationError(f"no activations were seen: {purpose} needs at least one image.")
    return images

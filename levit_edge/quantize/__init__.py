"""From a trained LeViT to INT8 artifacts: equalize, calibrate, quantize, export.

The library's verb `quantize` and this package share their name, so that the package can be called:
`from levit_edge import quantize; quantize("my.pth", output="bundle")` runs `levit_edge.quantize.pipeline.quantize`.
"""

import sys
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """A package that is called as its main function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from levit_edge.quantize.pipeline import quantize

        return quantize(*args, **kwargs)

    @property
    def __signature__(self) -> Signature:
        """What `help` and notebooks show; type checkers see the function itself."""
        from levit_edge.quantize.pipeline import quantize

        return signature(quantize)


sys.modules[__name__].__class__ = _CallablePackage

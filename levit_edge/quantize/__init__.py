"""From a trained LeViT to INT8 artifacts: equalize, calibrate, quantize, export.

The library's verb `quantize` and this package share their name, so that the package can be called:
`from levit_edge import quantize; quantize("my.pth", output="bundle")` runs `levit_edge.quantize.pipeline.quantize`.
"""

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """A package that is called as its main function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from levit_edge.quantize.pipeline import quantize

        return quantize(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage

"""What libraries log that users can do nothing about."""

import logging

__all__ = ["quiet_imports"]


def quiet_imports() -> None:
    """Keep torch and torchao from telling on import about GPU kernels and about each other, in this process."""
    for library in ("torchao", "torch.utils._pytree"):
        logging.getLogger(library).setLevel(logging.ERROR)

"""Which of a bundle's files are left out on a board, as its processor does not compute in float16."""

from collections.abc import Collection, Sequence

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import Artifact
from levit_edge.device.float16 import Float16
from levit_edge.errors import BoardError

__all__ = ["without_float16"]


def without_float16(
    board: str,
    artifacts: Sequence[Artifact],
    float16: Float16,
    wanted: Collection[Precision] | None = None,
    *,
    slow_too: bool = False,
) -> dict[str, str]:
    """The files with float16 that are left out there, and why.

    Where float16 is slow, they run if they are `wanted` by name, or with `slow_too`, for what they compute.

    Raises:
        BoardError: they are wanted by name, and fail there.
    """
    asked = Precision.INT8_FLOAT16 in (wanted or ())
    if float16.runs if asked or slow_too else float16.fast:
        return {}
    refusals = {
        each.file: float16.refusal(each.file, f"{Precision.INT8}{each.runtime.entry.suffix}")
        for each in artifacts
        if each.precision is Precision.INT8_FLOAT16
    }
    if asked and refusals:
        raise BoardError(f"{board}: {next(iter(refusals.values()))}.")
    return refusals

"""Which images were used, so that the same can be found again."""

from collections.abc import Sequence

from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage
from levit_edge.data.sampling import digest

__all__ = ["image_provenance"]


def image_provenance(
    source: str, images: ImageSet, bad: Sequence[BadImage], *, list_files: bool = False
) -> ImageProvenance:
    """Describe `images` without the `bad` ones; `source` is the folder as the user named it."""
    unreadable = {each.path for each in bad}
    used = images.select(index for index, path in enumerate(images.images) if path not in unreadable)
    unused = images.select(index for index, path in enumerate(images.images) if path in unreadable)
    return ImageProvenance(
        source=source,
        count=len(used),
        sha256=digest(used),
        files=used.relative_paths if list_files else (),
        skipped=unused.relative_paths,
    )

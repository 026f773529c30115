"""Which official weights are in the cache."""

from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.model.config import CONFIGS, OFFICIAL_SIZES
from levit_edge.system.host import CACHE_VARIABLE, cache_folder

__all__ = ["check_weights"]


def check_weights() -> Check:
    """Whether they are there; their hash is checked whenever they are used."""
    folder = cache_folder()
    files = {size: folder / weights.file_name for size in OFFICIAL_SIZES if (weights := CONFIGS[size].weights)}
    cached = [size for size, file in files.items() if file.is_file()]
    if cached:
        return Check(name="official weights", status=CheckStatus.OK, found=f"{', '.join(cached)} in {folder}")
    return Check(
        name="official weights",
        status=CheckStatus.MISSING,
        found=f"none in {folder}",
        advice="`levit-edge quantize --model 128S` fetches them; without network, pass --checkpoint, or put the file"
        f" there ({CACHE_VARIABLE} names another folder)",
    )

"""Opens photographs safely and cuts out the square that a model sees.

Needs nothing but Pillow, so that decoding processes start in a few hundredths of a second. The geometry is
the ImageNet evaluation protocol as torchvision implements it (`Resize` and `CenterCrop` on PIL images).
"""

import stat
import warnings
from io import BytesIO
from pathlib import Path
from typing import Callable, Optional, TypeVar, Union

from PIL import Image, UnidentifiedImageError

from levit_edge.device.colours import check_depth, to_rgb
from levit_edge.device.errors import MEMORY_ADVICE, DataError, MemoryShortageError
from levit_edge.device.formats import ADVICE, FORMATS, HEAD_BYTES, image_format
from levit_edge.device.orientation import Photograph, orientation_of

EMPTY = "an empty file"
T = TypeVar("T")
FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}
"""How images are resampled, by name."""
MAX_PIXELS = 150_000_000
"""Larger images are refused before they are decoded: this many pixels are 600 MB."""


def check_header(path: Path) -> tuple[int, int]:
    """Width and height of the photograph in `path`; no more of it is read: much quicker than decoding it.

    Raises:
        DataError: as `open_photograph`, but for damage behind the header.
    """
    return _open(path, lambda image: image.size)


def check_content(content: bytes, name: str) -> tuple[int, int]:
    """As `check_header`, for the bytes of a photograph's file.

    Raises:
        DataError: as `open_photograph`, but for damage behind the header.
    """
    return _decode(content, name, lambda image: image.size)


def open_photograph(path: Path) -> Photograph:
    """The photograph in `path`, and which way up it was taken; its pixels by `levit_edge.device.colours.to_rgb`.

    The first frame of an animation is taken.

    Raises:
        DataError: the file is missing, unreadable, damaged, truncated, too large or not an image, or its pixels are of
            a depth that is refused; it is named.
        MemoryShortageError: there is not enough memory to decode it.
    """
    return _open(path, _photograph)


def decode_photograph(content: bytes, name: str) -> Photograph:
    """As `open_photograph`, of the bytes of a file; `name` is for errors.

    Raises:
        DataError: as `open_photograph`.
        MemoryShortageError: as `open_photograph`.
    """
    return _decode(content, name, _photograph)


def decoding_fault(path: object, error: DataError) -> str:
    """What `error` says about `path`, without the path itself: for lists of files."""
    return str(error).removeprefix(f"{path}: ")


def crop_square(
    image: Image.Image, resize: int, size: int, *, interpolation: str = "bicubic", squash: bool = False
) -> Image.Image:
    """Resize the short side to `resize` pixels, with `squash` both sides, and cut the central `size` × `size` out.

    An image that has that size already is not resampled; others are by `interpolation`, one of `FILTERS`. `resize` is
    at least `size`.

    Raises:
        DataError: the image is so elongated that its resized form would have over `MAX_PIXELS`.
    """
    short, long = sorted(image.size)
    other = resize if squash else resize * long // short
    if resize * other > MAX_PIXELS:
        raise DataError(f"{image.width}×{image.height} pixels are too elongated to resize the short side to {resize}")
    width, height = (resize, other) if image.width <= image.height else (other, resize)
    if image.size != (width, height):
        image = image.resize((width, height), FILTERS[interpolation])
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _open(path: Path, use: Callable[[Image.Image], T]) -> T:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {_fault(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"{path}: a folder, not an image")
    if not stat.S_ISREG(status.st_mode):  # reading from a pipe could wait for ever
        raise DataError(f"{path}: not a regular file")
    if status.st_size == 0:
        raise DataError(f"{path}: {EMPTY}")
    return _use(path, str(path), use)


def _decode(content: bytes, name: str, use: Callable[[Image.Image], T]) -> T:
    if not content:
        raise DataError(f"{name}: {EMPTY}")
    return _use(BytesIO(content), name, use)


def _photograph(image: Image.Image) -> Photograph:
    pixels = to_rgb(image)
    return Photograph(pixels, orientation_of(image))


def _use(source: Union[Path, BytesIO], name: str, use: Callable[[Image.Image], T]) -> T:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks about metadata; the pixels are checked below
            with Image.open(source, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"{image.width}×{image.height} pixels are more than {MAX_PIXELS:,}")
                check_depth(image)
                return use(image)
    except MemoryError as error:  # no fault of the image, which must not be left out for it
        raise MemoryShortageError(f"{name}: not enough memory to decode it: {MEMORY_ADVICE}") from error
    except Exception as error:  # damaged files make Pillow's decoders raise almost anything
        raise DataError(f"{name}: {_reason(source, error)}") from error


def _reason(source: Union[Path, BytesIO], error: Exception) -> str:
    found = _format_of(source)
    if isinstance(error, UnidentifiedImageError) or (found is not None and found not in FORMATS):
        known = f"not an image in a known format ({', '.join(FORMATS)})"
        how = ADVICE.get(found or "", "to PNG for example")
        return known if found is None or found in FORMATS else f"{known} but {found}: convert it, {how}"
    return _fault(error)


def _fault(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _format_of(source: Union[Path, BytesIO]) -> Optional[str]:
    if isinstance(source, BytesIO):
        return image_format(source.getvalue()[:HEAD_BYTES])
    try:
        with source.open("rb") as file:
            return image_format(file.read(HEAD_BYTES))
    except OSError:  # which is the reason itself
        return None

"""Tells the format of an image by how its file begins, and says which formats are read.

Needs nothing but Pillow. The signatures are those of the formats' specifications; AVIF and HEIC are brands of
ISO/IEC 14496-12 files.
"""

from __future__ import annotations

import importlib.util

AVIF, HEIC = "AVIF", "HEIC"
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF") + ((AVIF,) if importlib.util.find_spec("PIL._avif") else ())
"""What is decoded, whatever the file is called; AVIF where the installed Pillow can. Never EPS and its like, which run
programs."""
ADVICE = {HEIC: "for example by heif-convert IN.heic OUT.jpg, of Debian's libheif-examples"}
"""How to make a JPEG of what phones write and is not read."""
HEAD_BYTES = 64
"""So much of a file tells what it is."""
SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "PSD"),
    (b"v/1\x01", "EXR"),
    (b"%!PS", "PostScript"),
)
BRANDS = {b"avif": AVIF, b"avis": AVIF, b"heic": HEIC, b"heix": HEIC, b"heim": HEIC, b"heis": HEIC, b"hevc": HEIC}
BMP_HEADER_BYTES = (12, 40, 52, 56, 64, 108, 124)
WEBP_AT = 8
BMP_HEADER_AT = 14


def image_format(head: bytes) -> str | None:
    """The format of a file that begins with the `HEAD_BYTES` bytes `head`, be it read or not; None: no image."""
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            return name
    if head.startswith(b"RIFF") and head[WEBP_AT:].startswith(b"WEBP"):
        return "WEBP"
    if head.startswith(b"BM") and int.from_bytes(head[BMP_HEADER_AT:][:4], "little") in BMP_HEADER_BYTES:
        return "BMP"
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(_box_bytes(head), len(head)), 4))]
        return next((BRANDS[brand] for brand in brands if brand in BRANDS), None)
    return None


def _box_bytes(head: bytes) -> int:
    return int.from_bytes(head[:4], "big")

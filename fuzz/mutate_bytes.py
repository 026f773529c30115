"""Mutations of files as bytes: flips, cuts, insertions, repeated blocks, changed numbers, and two files spliced."""

import struct
from collections.abc import Callable, Sequence
from random import Random

__all__ = ["BYTES", "Mutation", "overwrite_number"]

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]
"""(chance, a file, all valid files) -> a file."""
FRAME = 4096
"""Bytes at the beginning and end of a file, where formats keep what describes the rest."""
WIDTHS = (1, 2, 4, 8)
NEAR = (-8, -4, -1, 1, 4, 8)


def flip_bits(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[_place(chance, changed)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def set_bytes(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 16))):
        if changed:
            changed[_place(chance, changed)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(changed)


def truncate(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    return data[: _place(chance, data)]


def remove_block(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    start, length = _block(chance, data)
    return data[:start] + data[start + length :]


def repeat_block(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    start, length = _block(chance, data)
    return data[: start + length] + data[start : start + length] * chance.choice((1, 1, 2, 50)) + data[start + length :]


def swap_blocks(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    (first, length), second = _block(chance, data), _place(chance, data)
    rest = data[:first] + data[first + length :]
    return rest[:second] + data[first : first + length] + rest[second:]


def insert_noise(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    place = _place(chance, data)
    return data[:place] + chance.randbytes(chance.choice((1, 4, 100, 5000))) + data[place:]


def overwrite_number(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """Another value where a length, count or offset may stand: extreme, or near the one that was there."""
    width = chance.choice(WIDTHS)
    if len(data) < width:
        return data
    place = min(_place(chance, data), len(data) - width)
    place -= chance.choice((0, place % width))
    order = chance.choice(("little", "big"))
    before = int.from_bytes(data[place : place + width], order)  # type: ignore[arg-type]
    top = 1 << 8 * width
    value = chance.choice((0, 1, top - 1, top // 2, top // 2 - 1, before + chance.choice(NEAR), before * 2, len(data)))
    return data[:place] + (value % top).to_bytes(width, order) + data[place + width :]  # type: ignore[arg-type]


def overwrite_float(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    place = _place(chance, data) // 4 * 4
    value = struct.pack("<f", chance.choice((float("nan"), float("inf"), -0.0, 3.4e38, 1e-45)))
    return data[:place] + value + data[place + 4 :]


def splice(chance: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """The beginning of one valid file and the end of another."""
    other = chance.choice(seeds)
    return data[: _place(chance, data)] + other[_place(chance, other) :]


BYTES: tuple[Mutation, ...] = (
    flip_bits,
    set_bytes,
    truncate,
    remove_block,
    repeat_block,
    swap_blocks,
    insert_noise,
    overwrite_number,
    overwrite_float,
    splice,
)


def _place(chance: Random, data: bytes | bytearray) -> int:
    """Anywhere, but half of the time in the frame."""
    if len(data) <= FRAME or chance.random() < 0.5:
        return chance.randrange(max(1, len(data)))
    return chance.choice((chance.randrange(FRAME), len(data) - 1 - chance.randrange(FRAME)))


def _block(chance: Random, data: bytes) -> tuple[int, int]:
    start = _place(chance, data)
    return start, chance.choice((1, 2, 8, 100, 1000, chance.randrange(1, 1 + max(1, len(data) // 2))))

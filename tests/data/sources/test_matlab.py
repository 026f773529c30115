"""MAT-files of version 5: what the devkit's `meta.mat` is."""

import io
import struct
import zlib

import numpy as np
import pytest

from levit_edge.data.sources.matlab import read_structures
from levit_edge.errors import DataError
from tests.data.sources.made_up import matlab_file

FIELDS = ("ID", "WNID", "children")
ENTRIES = (((1.0,), "n01440764", ()), ((2.5,), "é", (1.0, 2.0)))
READ = [dict(zip(FIELDS, entry, strict=True)) for entry in ENTRIES]


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_structures_are_read_in_both_orders_of_bytes(compress: bool, order: str) -> None:
    content = matlab_file("synsets", FIELDS, ENTRIES, compress=compress, order=order)
    assert read_structures(content, "synsets") == READ


@pytest.mark.parametrize("compress", [True, False])
def test_what_scipy_writes_is_read(compress: bool) -> None:
    scipy = pytest.importorskip("scipy.io")
    table = np.zeros((2, 1), dtype=[(field, object) for field in FIELDS])
    for row, (number, name, children) in enumerate(ENTRIES):
        table[row, 0] = (*number, name, np.array(children))
    buffer = io.BytesIO()
    scipy.savemat(buffer, {"other": np.arange(3), "synsets": table}, do_compression=compress)
    assert read_structures(buffer.getvalue(), "synsets") == READ


def test_other_files_and_variables_are_refused() -> None:
    content = matlab_file("synsets", FIELDS, ENTRIES)
    with pytest.raises(DataError, match="not a MATLAB file of version 5"):
        read_structures(b"MATLAB 7.3".ljust(200), "synsets")
    with pytest.raises(DataError, match="no structure 'groups'"):
        read_structures(content, "groups")
    for length in range(128, len(content), 7):
        with pytest.raises(DataError):
            read_structures(content[:length], "synsets")


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data


def test_numbers_and_depths_that_no_program_writes_are_refused() -> None:
    header = matlab_file("synsets", FIELDS, ENTRIES)[:128]
    flags, infinite = element(6, struct.pack("<II", 2, 0)), element(9, struct.pack("<d", float("inf")))
    with pytest.raises(DataError, match="a damaged MATLAB file: cannot convert float infinity"):
        read_structures(header + element(14, flags + infinite + element(1, b"synsets ")), "synsets")
    nested = element(14, flags)
    for _ in range(2000):
        nested = element(15, zlib.compress(nested, 0))
    with pytest.raises(DataError, match="no structure 'synsets'"):
        read_structures(header + nested, "synsets")


def test_more_entries_than_the_file_can_hold_are_refused() -> None:
    content = matlab_file("synsets", FIELDS, ENTRIES, compress=False)
    place = content.index((2).to_bytes(4, "little") + (1).to_bytes(4, "little"))
    many = content[:place] + b"\xff\xff\xff\x7f" + content[place + 4 :]
    with pytest.raises(DataError, match=r"2,147,483,647 entries"):
        read_structures(many, "synsets")

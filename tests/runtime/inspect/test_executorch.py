import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.errors import BundleError
from levit_edge.runtime.inspect.executorch import ExecuTorchInspection, inspect_executorch

pytestmark = pytest.mark.export


def test_delegates_and_operators_outside_them_are_found(small_pte: bytes) -> None:
    assert inspect_executorch(small_pte) == ExecuTorchInspection(
        methods=("forward",),
        size_bytes=len(small_pte),
        delegates=("XnnpackBackend", "XnnpackBackend"),
        operators_outside={"aten::cumsum": 1},
        format_version=0,
    )


@pytest.mark.parametrize("content", [b"", b"ET", b"hello, I am no program", b"\0\0\0\0PK12" + bytes(100)])
def test_what_is_no_program_is_an_error(content: bytes) -> None:
    with pytest.raises(BundleError, match="it is not an ExecuTorch program"):
        inspect_executorch(content)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_program_is_an_error(small_pte: bytes, share: float) -> None:
    with pytest.raises(BundleError, match="it is a damaged ExecuTorch program"):
        inspect_executorch(small_pte[: int(len(small_pte) * share)])


@given(st.binary(max_size=300))
def test_random_bytes_behind_the_identifier_are_an_error(content: bytes) -> None:
    with pytest.raises(BundleError, match="it is a damaged ExecuTorch program"):
        inspect_executorch(content[:4].ljust(4, b"\0") + b"ET12" + content[4:])


@given(st.data())
def test_a_damaged_program_gives_facts_or_an_error(small_pte: bytes, data: st.DataObject) -> None:
    damaged = bytearray(small_pte)
    places = st.integers(0, len(damaged) - 1)
    for place, replacement in data.draw(st.lists(st.tuples(places, st.binary(min_size=1, max_size=4)), max_size=8)):
        damaged[place : place + len(replacement)] = replacement
    try:
        facts = inspect_executorch(bytes(damaged))
    except BundleError:
        return
    assert facts.size_bytes == len(damaged)


def test_every_byte_lost_gives_facts_or_an_error(small_pte: bytes) -> None:
    places = [place for place, value in enumerate(small_pte) if value]
    errors = 0
    for place in places:
        damaged = bytearray(small_pte)
        damaged[place] = 0
        try:
            inspect_executorch(bytes(damaged))
        except BundleError:
            errors += 1
    assert errors > 50  # most bytes are weights, packed or not

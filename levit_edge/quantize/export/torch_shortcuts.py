"""What torch finds out anew at every turn of an export, though it stays as it was: found out once. No byte changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from torch.export import decomp_utils, exported_program

__all__ = ["known_operators", "known_translations"]


@contextmanager
def known_operators() -> Iterator[None]:
    """Look through all operators for those that torch can decompose once; afterwards torch looks again each time.

    It does so several times for every file, as operators can be added meanwhile. 0.03 of an export's processor time,
    measured on a LeViT of four blocks.
    """
    find = "_collect_all_valid_cia_ops"
    once = cache(getattr(exported_program, find))
    with _replaced(exported_program, find, once), _replaced(decomp_utils, find, once):
        yield


@contextmanager
def known_translations() -> Iterator[None]:
    """Read how torch's operators are written in ONNX once in a process; afterwards torch reads it again each time.

    For every file it has onnxscript parse the source of 500 functions, which takes 0.4 s of processor time.
    """
    from torch.onnx._internal.exporter import _registration

    scripts = vars(_registration)["onnxscript_apis"]
    with _replaced(scripts, "get_torchlib_ops", partial(_found_once, scripts.get_torchlib_ops)):
        yield


@cache
def _found_once(find: Callable[[], Any]) -> Any:
    return find()


@contextmanager
def _replaced(owner: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)

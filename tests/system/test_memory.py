"""Memory that a process has freed, and want of it."""

import errno
import gc
import os
import sys

import numpy as np
import pytest

from levit_edge.device.small_files import figure_kb
from levit_edge.system.memory import give_back_freed, old_objects_left_alone, ran_out_of_memory


def resident_kb() -> int:
    kb = figure_kb("/proc/self/status", "VmRSS")
    assert kb is not None
    return kb


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_the_system_has_what_was_freed_between_what_is_kept() -> None:
    """Small pieces, of which every hundredth is kept at the end, so that glibc does not shrink its heap by itself."""
    pieces = [np.ones(8_192, dtype=np.uint8) for _ in range(12_800)]
    kept = pieces[::100] + pieces[-1:]
    del pieces
    before = resident_kb()
    give_back_freed()
    assert before - resident_kb() > 50_000
    assert kept


@pytest.mark.parametrize(("number", "short"), [(errno.ENOMEM, True), (errno.EMFILE, False)])
def test_a_call_of_the_system_that_finds_no_memory_says_so(number: int, short: bool) -> None:
    assert ran_out_of_memory(OSError(number, os.strerror(number))) is short


def test_a_search_for_garbage_passes_over_what_was_there_before() -> None:
    frozen = gc.get_freeze_count()
    gc.unfreeze()  # as in a program of its own: tests/conftest.py freezes what it imports
    old = [object()]
    try:
        assert any(each is old for each in gc.get_objects())
        with old_objects_left_alone():
            new = [object()]
            known = gc.get_objects()
            assert not any(each is old for each in known)
            assert any(each is new for each in known)
            with old_objects_left_alone():
                pass
            assert gc.get_freeze_count() > 0
        assert gc.get_freeze_count() == 0
        assert any(each is old for each in gc.get_objects())
    finally:
        if frozen:
            gc.freeze()

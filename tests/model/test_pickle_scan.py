import collections
import os
import pickle  # noqa: TID251 - makes the pickles to look into

import pytest

from levit_edge.model.pickle_scan import is_pickle, pickle_globals


@pytest.mark.parametrize("protocol", range(6))
def test_names_of_one_module_are_followed_through_the_memo(protocol: int) -> None:
    pickled = pickle.dumps([os.system, os.getcwd, collections.OrderedDict, os.system], protocol)
    assert pickle_globals(pickled) == ["posix.system", "posix.getcwd", "collections.OrderedDict"]


def test_pickles_in_a_row() -> None:
    assert pickle_globals(pickle.dumps(7) + pickle.dumps(os.system)) == ["posix.system"]


def test_what_is_cut_off_is_named_as_far_as_it_goes() -> None:
    assert pickle_globals(pickle.dumps([os.system, "x" * 100])[:-50]) == ["posix.system"]


@pytest.mark.parametrize("data", [b"", b"plain text", pickle.dumps([1, 2])[:-1], b"\xff\xd8\xff\xe0"])
def test_no_pickle(data: bytes) -> None:
    assert not is_pickle(data)
    assert pickle_globals(data) == []

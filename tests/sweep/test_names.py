from hypothesis import given
from hypothesis import strategies as st

from levit_edge.bundle.reader import plain_file_name
from levit_edge.sweep.sweep import distinct_names


def test_names_are_short_and_their_own() -> None:
    paths = ["/runs/a/best.pth.tar", "/runs/b/best.pth.tar", "s3://bucket/dogs.safetensors", "demo"]
    assert distinct_names(paths, [None] * 4) == ["a-best", "b-best", "dogs", "demo"]
    assert distinct_names(["x/y/best.pt", "z/y/best.pth"], [None, None]) == ["y-best", "y-best-2"]
    paths = ["x/y/best.pt", "z/y/best.pth", "y-best-2.pth"]
    assert distinct_names(paths, [None] * 3) == ["y-best", "y-best-2", "y-best-2-2"]


def test_networks_of_one_file_have_names_of_their_own() -> None:
    paths = ["runs/last.pth", "runs/last.pth", "hub/model.safetensors.index.json"]
    assert distinct_names(paths, [None, "state_dict_ema", None]) == ["last", "last-state_dict_ema", "model"]
    assert distinct_names(["a/last.pth"] * 2, ["x", "y"]) == ["last-x", "last-y"]


@given(st.lists(st.text(min_size=1), max_size=8), st.lists(st.none() | st.text(), min_size=8, max_size=8))
def test_every_name_can_be_a_folder_and_is_there_once(paths: list[str], weights: list[str | None]) -> None:
    names = distinct_names(paths, weights[: len(paths)])
    assert all(map(plain_file_name, names))
    assert len(set(names)) == len(paths)

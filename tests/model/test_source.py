"""What names a checkpoint, and how sizes are written."""

import pytest

from levit_edge.model.config import CONFIGS, size_named


@pytest.mark.parametrize("name", ["128s", "LeViT-128S", "levit_128s", "levit_conv_128s", "levit_128s.fb_dist_in1k"])
def test_a_size_is_known_however_it_is_written(name: str) -> None:
    assert size_named(name) == "128S"


@pytest.mark.parametrize("name", ["", "128X", "levit", "levit_128s.in22k", "512", "resnet_128s", "facebook/levit-128S"])
def test_what_is_no_size_is_none(name: str) -> None:
    assert size_named(name) is None


def test_all_sizes_are_known_by_their_own_names() -> None:
    assert [size_named(name) for name in CONFIGS] == list(CONFIGS)

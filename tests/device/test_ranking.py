import numpy as np
import pytest

from levit_edge.device.ranking import softmax, top_classes


def test_the_largest_come_first_and_equal_ones_in_class_order() -> None:
    logits = np.array([1, 3, 3, 0, 3, 4], np.float32)
    assert top_classes(logits, 4) == [5, 1, 2, 4]
    assert top_classes(logits, 99) == [5, 1, 2, 4, 0, 3]


def test_probabilities_add_up_to_one_whatever_the_logits() -> None:
    assert softmax(np.array([0, 0, 0, 0], np.float32)).tolist() == [0.25] * 4
    assert softmax(np.array([2000, 1999, -2000], np.float32)) == pytest.approx([0.7310586, 0.2689414, 0.0])

"""Which way up Chromium's pixels are, in each format: to classify as `predict` has them, to verify as `verify`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.data.preprocess import cut_square
from levit_edge.device.image import decode_photograph
from scripts.golden_vectors import orientation_cases, unusual_orientation_cases
from tests.web.conftest import ask_worker, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.release


def test_pictures_are_turned_as_by_predict_and_taken_as_stored_as_by_verify(
    browser: "Browser", tiny_page: Path, tiny_bundle: Path
) -> None:
    """Chromium by itself turns JPEG, PNG and AVIF, wanted or not, and never WebP."""
    files = [case["file"].tobytes() for case in (*orientation_cases(), *unusual_orientation_cases())]
    preprocessing = Bundle.open(tiny_bundle).manifest.preprocessing
    with opened(browser, tiny_page.as_uri()) as page:
        classified = ask_worker(page, tiny_page, files, as_stored=False)
        judged = ask_worker(page, tiny_page, files, as_stored=True)
    assert len(files) == 53
    for file, answer, verified in zip(files, classified, judged, strict=True):
        photograph = decode_photograph(file, "it")
        assert answer["turned"] == (photograph.orientation > 1)
        for found, pixels in ((answer, photograph.upright), (verified, photograph.pixels)):
            seen = np.array(found["seen"]["data"]).reshape(32, 32, 3)
            assert (seen == np.asarray(cut_square(pixels, preprocessing))).all()

"""A bundle to report on."""

from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from tests.report.example import report_bundle


@pytest.fixture(scope="session")
def recorded(tiny_bundle: Path, labelled_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with evidence."""
    return report_bundle(tmp_path_factory.mktemp("recorded") / "mine", tiny_bundle, labelled_photographs)

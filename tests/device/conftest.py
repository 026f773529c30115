"""What runs on a board is tested as boards and packages use it."""

from collections.abc import Iterator

import pytest

from levit_edge.board.session import Session
from levit_edge.board.transports.local import LocalTransport
from tests.board.conftest import Place, both_runtimes, bundle, phone, place
from tests.device.example import open_model
from tests.package.conftest import android_package, board_package, float16_bundle, float16_package, packable_bundle

__all__ = [
    "android_package", "board_package", "both_runtimes", "bundle", "float16_bundle", "float16_package",
    "packable_bundle", "phone", "place",
]  # fmt: skip


@pytest.fixture
def working(place: Place) -> Iterator[Session]:
    """An agent with a file and a worker."""
    with Session(LocalTransport(), needed_bytes=0) as board:
        open_model(board)
        assert len(place.processes()) == 2
        assert len(place.files()) == 2
        yield board

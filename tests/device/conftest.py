"""What runs on a board is tested as boards and packages use it."""

from tests.board.conftest import both_runtimes, bundle, phone, place
from tests.package.conftest import android_package, board_package, packable_bundle

__all__ = ["android_package", "board_package", "both_runtimes", "bundle", "packable_bundle", "phone", "place"]

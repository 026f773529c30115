"""A bundle to report on, and a browser."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from levit_edge.bundle.reader import Bundle
from tests.conftest import unavailable
from tests.report.example import report_bundle

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SCRIPT = Path(__file__).parents[2] / "scripts" / "browser.sh"


@pytest.fixture(scope="session")
def recorded(tiny_bundle: Path, labelled_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with evidence."""
    return report_bundle(tmp_path_factory.mktemp("recorded") / "mine", tiny_bundle, labelled_photographs)


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium without a window; installed if it is absent and we may."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed: pip install -e '.[dev]'")
    if shutil.which("chromium") is None:
        made = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
        if made.returncode:
            unavailable(f"there is no chromium, and {SCRIPT.name} cannot install it: {made.stderr.strip()[-500:]}")
    with sync_playwright() as playwright:
        arguments = [
            "--no-sandbox",
            "--disable-gpu",
            "--force-color-profile=srgb",
            "--use-fake-device-for-media-stream",
        ]
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield chromium
        chromium.close()

"""Debian's Chromium for all tests: one of it in a process, as Playwright starts no second time beside itself."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SCRIPT = Path(__file__).parents[1] / "scripts" / "browser.sh"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--force-color-profile=srgb", "--use-fake-device-for-media-stream")


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """It, without a window; installed if it is absent and we may."""
    from tests.conftest import unavailable  # which imports this module

    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed: pip install -e '.[dev]'")
    if shutil.which("chromium") is None:
        made = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
        if made.returncode:
            unavailable(f"there is no chromium, and {SCRIPT.name} cannot install it: {made.stderr.strip()[-500:]}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*ARGUMENTS])
        yield chromium
        chromium.close()

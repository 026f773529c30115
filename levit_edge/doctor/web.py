"""What pages are made of, and what measures them here."""

import shutil

from levit_edge.board.web.browser import BROWSER_VARIABLE, browser_program
from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.package.web.runtime_files import ADVICE, NPM_PACKAGE, cached_runtime_files, runtime_cache

__all__ = ["check_browser", "check_web_runtime"]


def check_web_runtime() -> Check:
    """onnxruntime-web, for `package --for web`, `serve` and `bench --on web`."""
    name = "onnxruntime-web"
    if cached_runtime_files() is not None:
        return Check(name, CheckStatus.OK, f"{NPM_PACKAGE} in {runtime_cache()}")
    found = f"none in {runtime_cache()}"
    if shutil.which("npm") is None:
        return Check(name, CheckStatus.MISSING, f"{found}, and no npm", f"install npm; or: {ADVICE}")
    return Check(name, CheckStatus.MISSING, found, "`levit-edge package --for web` has npm fetch it; 0.03 GB")


def check_browser() -> Check:
    """A Chromium, for `bench --on web`."""
    program = browser_program()
    if program is None:
        advice = f"for `bench --on web`: install chromium, or name one by {BROWSER_VARIABLE}"
        return Check("Chromium", CheckStatus.MISSING, "not on PATH", advice)
    if shutil.which(program) is None:  # only what the user names is not looked for
        found = f"{BROWSER_VARIABLE} names {program}, which is no program"
        return Check("Chromium", CheckStatus.MISSING, found, "correct it, or unset it and install chromium")
    return Check("Chromium", CheckStatus.OK, program)

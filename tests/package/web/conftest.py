"""A page of the tiny bundle, with bytes that stand for the runtime, and archives as npm's."""

import io
import tarfile
from collections.abc import Callable
from hashlib import sha256

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.package.contents import WEB_RUNTIME, PagePrecision
from levit_edge.package.web import runtime_files as module
from levit_edge.package.web.pack import page_title, web_files
from levit_edge.package.web.page import write_page

RUNTIME = dict(zip(WEB_RUNTIME, (b"export const no = 'module';\n", b"\0asm: no program" * 100), strict=True))
Archive = Callable[..., bytes]


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The files that are taken for npm's."""
    pins = {name: (len(data), sha256(data).hexdigest()) for name, data in RUNTIME.items()}
    monkeypatch.setattr(module, "PINNED", pins)
    return RUNTIME


@pytest.fixture(scope="session")
def both(packable_bundle: Bundle) -> dict[str, bytes]:
    """The files of a package with both models."""
    return web_files(packable_bundle, PagePrecision.BOTH, RUNTIME)


@pytest.fixture(scope="session")
def page(packable_bundle: Bundle) -> bytes:
    return write_page(web_files(packable_bundle, PagePrecision.INT8, RUNTIME), page_title(packable_bundle))


def archive(*members: tuple[str, bytes | None], kind: bytes = tarfile.REGTYPE) -> bytes:
    """A .tgz of these names and contents; None: a member of that `kind`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data or b"")
            if data is None:
                member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(data or b""))
    return buffer.getvalue()

"""The page itself: a package's files and the scripts that use them in one HTML file; and the files read out of one.

Files are compressed and in base64, each in an element of its own, which no browser runs. What the page may do is in its
policy: nothing but what is in it, no address anywhere.
"""

import base64
import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from html import escape
from string import Template

from levit_edge.errors import PackageError
from levit_edge.package.archive import MAX_FILES, MAX_PACKAGE_BYTES
from levit_edge.package.contents import DOCUMENT_FILE
from levit_edge.package.web.script import joined, read_source
from levit_edge.text import counted

__all__ = [
    "FOLDER",
    "INDEX",
    "PAGE_START",
    "document_hash",
    "file_element",
    "folder_files",
    "is_page",
    "own_folder",
    "own_page",
    "read_page",
    "write_page",
]

PAGE_START = b"<!doctype html>\n"
FILE = '<script type="text/plain" data-file="{name}" data-sha256="{sha256}">{text}</script>\n'
_FILE = re.compile(
    rb'<script type="text/plain" data-file="([^"<>\n]{1,100})" data-sha256="([0-9a-f]{64})">'
    rb"([A-Za-z0-9+/=]*)</script>\n"
)
_TITLE_HERE, _FILES_HERE, _HASH_HERE = "\0title", "\0files", "\0hash"
_FILES = rb"(?:%b)*+" % _FILE.pattern
_TITLE, _SHA256 = rb'[^<>"\n]*+', rb"([0-9a-f]{64})"
POLICY = (
    "default-src 'none'; script-src {script} blob: 'wasm-unsafe-eval'; style-src {style}; worker-src {worker}; "
    "connect-src {connect}; img-src blob: data:; media-src blob: mediastream:; base-uri 'none'; form-action 'none'"
)
"""`blob:` is for the worker and for the runtime, whose bytes come out of the page after their hash was compared."""
SYSTEM_BYTE, UNKNOWN_SYSTEM = 9, 255
"""RFC 1952, 2.3.1: where the system is named that packed it. Python 3.11 lets zlib name its own, 3.13 names none."""
RESULTS = '<meta name="results" content="results">\n'
NEEDS_SERVER = (
    " A page with files beside it, as this one, stays so wherever it is opened from the disk: it has to come from a web"
    " server."
)
DOCUMENT_HASH = '<meta name="model-json-sha256" content="{sha256}">\n'
"""In a page whose package lies beside it: all other hashes are in that document."""
FOLDER, INDEX = "package", "index.html"
"""Where a folder for a static host has the package's files, and its page."""
HEADERS = """\
/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
  X-Content-Type-Options: nosniff
"""
"""The file `_headers`, as some static hosts read it; others need the same in their own words."""


def write_page(files: Mapping[str, bytes], title: str, *, sends_back: bool = False) -> bytes:
    """One HTML file of a package's `files`. The same files and the same zlib give the same bytes, in every Python.

    With `sends_back` it may send its times to `results`, beside its own address; else to nobody.
    """
    elements = "".join(file_element(name, files[name]) for name in _in_order(files))
    return _filled(title, _parts(elements, sends_back=sends_back))


def folder_files(files: Mapping[str, bytes], title: str) -> dict[str, bytes]:
    """The same for a static host: name -> content, the package's own under `FOLDER`."""
    parts = _folder_parts(hashlib.sha256(files[DOCUMENT_FILE]).hexdigest())
    own = {INDEX: _filled(title, parts), **_folder_sources(), "_headers": HEADERS.encode()}
    return own | {f"{FOLDER}/{name}": data for name, data in files.items()}


def is_page(data: bytes) -> bool:
    """Whether these are the bytes of a page, as far as their beginning tells."""
    return data[:64].lower().startswith(PAGE_START.rstrip())


def read_page(data: bytes, what: str) -> dict[str, bytes]:
    """The files in a page, by name, in memory; nothing of it is run.

    Raises:
        PackageError: it has none, a damaged one, or more than a package may have; `what` is named.
    """
    if len(data) > MAX_PACKAGE_BYTES:
        raise PackageError(f"{what} has {len(data):,} bytes, expected at most {MAX_PACKAGE_BYTES:,}.")
    elements = _FILE.findall(data)
    if not elements:
        raise PackageError(f"{what} is a web page, and not one by `levit-edge package --for web`.")
    if len(elements) > MAX_FILES:
        raise PackageError(f"{what} has {counted(len(elements), 'file')}, expected at most {MAX_FILES}.")
    files: dict[str, bytes] = {}
    left = MAX_PACKAGE_BYTES
    for raw_name, sha256, text in elements:
        name = raw_name.decode("utf-8", "backslashreplace")
        if name in files:
            raise PackageError(f"{what} has a file twice: {name!r}. It is not used.")
        files[name] = _unpacked(text, left, f"{name!r} in {what}")
        if hashlib.sha256(files[name]).hexdigest().encode() != sha256:
            raise PackageError(f"{name!r} in {what} is damaged or was changed. Make or fetch the page again.")
        left -= len(files[name])
    return files


def own_page(data: bytes) -> bool:
    """Whether a page is one that this levit-edge writes, but for its title and the content of its files.

    That is the whole of it, each part where it belongs: then its scripts, style and policy are known.
    """
    forms = (_form(_parts(_FILES_HERE, sends_back=sends_back), {_FILES_HERE: _FILES}) for sends_back in (False, True))
    return any(form.fullmatch(data) for form in forms)


def own_folder(read: Callable[[str], bytes]) -> bool:
    """The same of a page whose files lie beside it, of which `read` gives those that are no part of the package."""
    form = _form(_folder_parts(_HASH_HERE), {_HASH_HERE: _SHA256})
    return form.fullmatch(read(INDEX)) is not None and all(
        read(name) == content for name, content in _folder_sources().items()
    )


def document_hash(index: bytes) -> str | None:
    """The SHA-256 of `model.json` that a page states whose files lie beside it."""
    found = re.search(DOCUMENT_HASH.encode().replace(b"{sha256}", _SHA256), index)
    return None if found is None else found[1].decode()


def _form(parts: Mapping[str, str], marks: Mapping[str, bytes]) -> re.Pattern[bytes]:
    """What pages with these parts and any title match; in place of each mark is what it stands for."""
    form = re.escape(_filled(_TITLE_HERE, parts))
    for mark, pattern in {_TITLE_HERE: _TITLE, **marks}.items():
        form = form.replace(re.escape(mark.encode()), pattern)
    return re.compile(form)


def _parts(files: str, *, sends_back: bool) -> dict[str, str]:
    style, script = read_source("page.css"), joined("page.js")
    connect = "'self'" if sends_back else "'none'"
    return {
        "policy": POLICY.format(script=_hash_of(script), style=_hash_of(style), worker="blob:", connect=connect),
        "results": RESULTS if sends_back else "",
        "style": f"<style>{style}</style>",
        "worker": _worker(),
        "files": files,
        "script": f'<script type="module">{script}</script>',
        "server": "",
    }


def _folder_parts(document_sha256: str) -> dict[str, str]:
    return {
        "policy": POLICY.format(script="'self'", style="'self'", worker="blob:", connect="'self'"),
        "results": DOCUMENT_HASH.format(sha256=document_sha256),
        "style": '<link rel="stylesheet" href="page.css">',
        "worker": _worker(),
        "files": "",
        "script": '<script type="module" src="page.js"></script>',
        "server": NEEDS_SERVER,
    }


def _folder_sources() -> dict[str, bytes]:
    return {"page.css": read_source("page.css").encode(), "page.js": joined("page.js").encode()}


def _worker() -> str:
    """In the page also where scripts lie beside it: a worker of a file of its own would have no policy."""
    return f'<script type="text/plain" id="worker">{joined("worker.js")}</script>'


def _filled(title: str, parts: Mapping[str, str]) -> bytes:
    page = Template(read_source("page.html")).substitute(title=escape(title), **parts)
    return page.encode("utf-8")


def _in_order(files: Mapping[str, bytes]) -> list[str]:
    return sorted(files, key=lambda name: (name != DOCUMENT_FILE, name))


def file_element(name: str, data: bytes) -> str:
    """A file as an element of a page, which `read_page` reads."""
    packed = bytearray(gzip.compress(data, 9, mtime=0))
    packed[SYSTEM_BYTE] = UNKNOWN_SYSTEM
    text = base64.b64encode(packed).decode("ascii")
    return FILE.format(name=escape(name), sha256=hashlib.sha256(data).hexdigest(), text=text)


def _unpacked(text: bytes, most: int, what: str) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        data = inflate.decompress(base64.b64decode(text, validate=True), most + 1)
    except (ValueError, zlib.error) as error:
        raise PackageError(f"{what} is damaged ({error}). Make or fetch the page again.") from error
    if not inflate.eof or inflate.unused_data or len(data) > most:
        raise PackageError(f"{what} is damaged, or larger than a package may be. Make or fetch the page again.")
    return data


def _hash_of(text: str) -> str:
    """How a policy names what may stand in the page itself."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"

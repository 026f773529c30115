"""The page: its bytes, its policy, what is read out of it, and what is refused."""

import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus, PackageError
from levit_edge.package.archive import write_archive
from levit_edge.package.contents import (
    DOCUMENT_FILE,
    FP32_MODEL_FILE,
    WEB_RUNTIME,
    PagePrecision,
    Purpose,
    expected_files,
)
from levit_edge.package.package import Package
from levit_edge.package.verify import verify_package
from levit_edge.package.web import page as module
from levit_edge.package.web.folder import put_folder
from levit_edge.package.web.pack import web_files
from levit_edge.package.web.page import file_element, folder_files, own_page, read_page, write_page
from tests.package.test_signature import pem_pair
from tests.package.web.conftest import RUNTIME

Captured = pytest.CaptureFixture[str]
WRITE = (
    "import sys, pathlib\nfrom levit_edge.bundle.reader import Bundle\n"
    "from levit_edge.package.contents import PagePrecision\n"
    "from levit_edge.package.web.pack import page_title, web_files\n"
    "from levit_edge.package.web.page import write_page\nfrom tests.package.web.conftest import RUNTIME\n"
    "bundle = Bundle.open(sys.argv[1])\n"
    "page = write_page(web_files(bundle, PagePrecision.INT8, RUNTIME), page_title(bundle))\n"
    "pathlib.Path(sys.argv[2]).write_bytes(page)\n"
)


class Elements(HTMLParser):
    """The elements of a page with their attributes and text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", {}, ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)


def test_the_same_bundle_gives_the_same_page_anywhere(packable_bundle: Bundle, page: bytes, tmp_path: Path) -> None:
    environment = os.environ | {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "2", "PYTHONPATH": "."}
    arguments = [str(packable_bundle.path), str(tmp_path / "page")]
    subprocess.run([sys.executable, "-c", WRITE, *arguments], check=True, env=environment)
    assert (tmp_path / "page").read_bytes() == page


def test_it_has_the_files_of_its_purpose_and_their_hashes(packable_bundle: Bundle, page: bytes) -> None:
    files = read_page(page, "it")
    assert next(iter(files)) == DOCUMENT_FILE
    assert set(files) == expected_files(Purpose.WEB) | {DOCUMENT_FILE}
    for name, listed in json.loads(files[DOCUMENT_FILE])["files"].items():
        assert listed == {"size_bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
    assert json.loads(files[DOCUMENT_FILE])["manifest_sha256"] == packable_bundle.manifest_sha256
    assert files["model.onnx"] == packable_bundle.read("int8.onnx")
    assert {name: files[name] for name in WEB_RUNTIME} == RUNTIME
    document = Package.parse(page, "it").document
    assert (document.schema_version, document.purpose) == (1, Purpose.WEB)


def test_both_models_are_compared_in_a_page_of_both(packable_bundle: Bundle, both: dict[str, bytes]) -> None:
    package = Package.parse(write_page(both, "x"), "it")
    assert [model.precision for model in package.document.models] == [Precision.INT8, Precision.FP32]
    assert package.files[FP32_MODEL_FILE] == packable_bundle.read("fp32.onnx")
    assert set(package.files) == expected_files(Purpose.WEB, second=True)


@pytest.mark.parametrize("precision", PagePrecision)
def test_a_page_has_the_models_that_are_asked_for(packable_bundle: Bundle, precision: PagePrecision) -> None:
    package = Package.parse(write_page(web_files(packable_bundle, precision, RUNTIME), "x"), "it")
    models = package.document.models
    assert tuple(model.precision for model in models) == precision.precisions
    assert [model.file for model in models] == ["model.onnx", FP32_MODEL_FILE][: len(models)]
    for model in models:
        assert package.files[model.file] == packable_bundle.read(f"{model.precision}.onnx")


def test_nothing_runs_but_what_the_policy_names(page: bytes) -> None:
    elements = Elements(page).found
    (policy,) = (each["content"] for _, each, _ in elements if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "connect-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert not re.search(r"https?:|\*", policy)
    scripts = [text for tag, each, text in elements if tag == "script" and each.get("type") != "text/plain"]
    styles = [text for tag, _, text in elements if tag == "style"]
    assert (len(scripts), len(styles)) == (1, 1)
    for text in scripts + styles:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert not [each for _, each, _ in elements if any(name.startswith("on") or name == "src" for name in each)]


def test_a_title_is_text() -> None:
    page = write_page({}, "</title><script>alert(1)</script>")
    assert b"<script>alert" not in page
    assert own_page(page)


def test_a_folder_has_the_same_files_and_the_headers_for_threads(both: dict[str, bytes]) -> None:
    files = folder_files(both, "x")
    assert b"it has to come from a web server" in files["index.html"]
    assert b"from a web server" not in write_page(both, "x")
    inside = {name.removeprefix("package/"): data for name, data in files.items() if name.startswith("package/")}
    assert inside == both
    assert b"Cross-Origin-Embedder-Policy: require-corp" in files["_headers"]
    assert set(files) - {f"package/{name}" for name in both} == {
        "index.html", "page.css", "page.js", "_headers"
    }  # fmt: skip
    digest = hashlib.sha256(both[DOCUMENT_FILE]).hexdigest().encode()
    assert b'<meta name="model-json-sha256" content="%b">' % digest in files["index.html"]
    assert b"worker-src blob:;" in files["index.html"]
    assert b"'unsafe-inline'" not in files["index.html"]


def changed(page: bytes, name: str, data: bytes, *, with_hash: bool) -> bytes:
    """The page with another file under `name`, and the hash of it or the old one."""
    element = re.search(rb'data-file="%b" data-sha256="([0-9a-f]{64})">([^<]*)<' % name.encode(), page)
    assert element is not None
    page = page.replace(element[2], base64.b64encode(gzip.compress(data, mtime=0)))
    return page.replace(element[1], hashlib.sha256(data).hexdigest().encode()) if with_hash else page


@pytest.mark.parametrize("name", ["model.onnx", "labels.txt", "golden_output.onnx.f32", *WEB_RUNTIME])
@pytest.mark.parametrize("with_hash", [False, True])
def test_a_changed_file_is_refused(page: bytes, name: str, with_hash: bool) -> None:
    with pytest.raises(PackageError, match=f"{re.escape(name)}.* is damaged or was changed"):
        Package.parse(changed(page, name, b"something else", with_hash=with_hash), "it")


def test_other_pages_are_refused(page: bytes, both: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PACKAGE_BYTES", 4 * len(page))
    element = page[page.index(b'<script type="text/plain" data-file') :].partition(b"\n")[0] + b"\n"
    bomb = base64.b64encode(gzip.compress(bytes(5 * len(page))))
    cases = [
        (b"<!doctype html>\n<title>x</title>", "not one by `levit-edge package"),
        (page.replace(element, element * 2), "has a file twice: 'model.json'"),
        (page.replace(element, element * 70), "files, expected at most 64"),
        (page.replace(b">H4s", b">H5s", 1), "damaged"),
        (re.sub(rb">H4s[^<]*<", b">%b<" % bomb, page, count=1), "larger than a package may be"),
        (write_page(dict(list(both.items())[:3]), "x"), "has no model.json"),
        (write_archive(read_page(page, "it")), "is a zip file and says that it is for web"),
    ]
    for data, fault in cases:
        with pytest.raises(PackageError, match=fault):
            Package.parse(data, "it")


def test_scripts_of_others_are_told_apart(page: bytes) -> None:
    assert own_page(page)
    for part in (b'"use strict";', b"default-src 'none'", b"--soft: #57606a"):
        assert part in page
        assert not own_page(page.replace(part, part + b" ", 1))
    assert not own_page(page.replace(b"</body>", b"<script src=x></script></body>"))


@pytest.mark.parametrize("place", [b'content="default-src', b'<p id="', b"<body>", b"</html>", b"<!doctype"])
@pytest.mark.parametrize("part", [rb'<script type="text/plain" data-file="labels.txt".*?</script>\n', rb"<title>.*\n"])
def test_what_makes_pages_differ_has_its_place(page: bytes, part: bytes, place: bytes) -> None:
    """Elsewhere the same text means something else, such as the end of an attribute and the begin of another."""
    found = re.search(part, page)
    assert found is not None
    for rest in (page, page.replace(found[0], b"", 1)):
        assert not own_page(rest.replace(place, place + found[0], 1))


@pytest.mark.parametrize("title", [b"a<b", b'a"b', b"a>b", b"a\nb"])
def test_a_title_that_is_not_escaped_is_not_ours(page: bytes, title: bytes) -> None:
    assert not own_page(re.sub(rb"<title>.*</title>", b"<title>%b</title>" % title, page))


def test_a_page_that_serve_gives_out_is_known(both: dict[str, bytes]) -> None:
    assert own_page(write_page(both, "x", sends_back=True))


def test_packed_files_do_not_depend_on_the_python() -> None:
    """3.11 and 3.13 write another tenth byte of themselves."""
    text = re.findall(r">([^<]+)<", file_element("x", b"content"))[0]
    assert base64.b64decode(text)[:10] == b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"


def test_the_commands_make_check_and_replace_it(
    packable_bundle: Bundle, pinned: dict[str, bytes], tmp_path: Path, capsys: Captured
) -> None:
    for name, data in pinned.items():
        (tmp_path / name).write_bytes(data)
    output, folder = tmp_path / "colours.html", tmp_path / "site"
    command = ["package", str(packable_bundle.path), "--for", "web", "--runtime-files", str(tmp_path)]
    for path in (output, output, folder, folder):
        assert run([*command, "--precision", "both", "--output", str(path)]) == 0
    capsys.readouterr()
    assert run(["verify", str(output)]) == 0
    said = capsys.readouterr().out
    assert "a package for web, " in said
    assert "model-fp32.onnx: computes in onnxruntime" in said
    assert "its scripts are those of this levit-edge" in said
    assert run(["inspect", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["purpose"] == "web"
    output.write_bytes(output.read_bytes().replace(b'"use strict";', b"evil();", 1))
    assert run(["verify", str(output)]) == 0
    assert "its scripts are not those of this levit-edge" in " ".join(capsys.readouterr().err.split())
    assert run(["verify", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "a package for web, " in said
    assert "SHA-256 of its model.json" in said
    assert "model-fp32.onnx: computes in onnxruntime" in said
    assert "its scripts are those of this levit-edge" in said
    assert run(["inspect", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["purpose"] == "web"
    assert run(["verify", str(folder), "--key", "pub.pem"]) == ExitStatus.USAGE
    assert "a folder is not signed" in " ".join(capsys.readouterr().err.split())
    (folder / "mine.txt").write_text("x")
    output.write_text("<!doctype html>\nmine")
    for path in (output, folder):
        assert run([*command, "--output", str(path)]) == ExitStatus.BAD_INPUT
        assert "nothing was written" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ("package/model.json", "package/model.json is damaged or was changed"),
        ("package/labels.txt", "labels.txt in .* is damaged or was changed"),
        ("package/other.txt", "unknown other.txt"),
        ("index.html", None),
        ("page.js", None),
        ("page.css", None),
        ("_headers", ""),
    ],
)
def test_a_folder_that_was_changed_is_told(
    both: dict[str, bytes], tmp_path: Path, changed: str, fault: str | None
) -> None:
    put_folder(tmp_path / "site", folder_files(both, "x"))
    assert verify_package(tmp_path / "site").page_known
    path = tmp_path / "site" / changed
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b"\n")
    if fault:
        with pytest.raises(PackageError, match=fault):
            verify_package(tmp_path / "site")
    else:
        assert verify_package(tmp_path / "site").page_known is (fault is not None)


def test_a_folder_that_lacks_what_it_names_is_told(both: dict[str, bytes], tmp_path: Path) -> None:
    put_folder(tmp_path / "site", folder_files(both, "x"))
    (tmp_path / "site" / "package" / "labels.txt").unlink()
    with pytest.raises(PackageError, match=r"missing labels\.txt"):
        verify_package(tmp_path / "site")
    (tmp_path / "site" / "package" / "labels.txt").mkdir()
    with pytest.raises(PackageError, match="is a folder, expected a file of a page"):
        verify_package(tmp_path / "site")


def test_a_page_is_signed_as_a_zip_is(
    packable_bundle: Bundle, pinned: dict[str, bytes], tmp_path: Path, capsys: Captured
) -> None:
    private, public = pem_pair(tmp_path, "maker")
    for name, data in pinned.items():
        (tmp_path / name).write_bytes(data)
    path = tmp_path / "colours.html"
    command = ["package", str(packable_bundle.path), "--for", "web", "--runtime-files", str(tmp_path)]
    assert run([*command, "--output", str(path), "--sign", str(private)]) == 0
    assert run(["verify", str(path), "--key", str(public)]) == 0
    assert f"signed with the private key of {public}" in capsys.readouterr().out
    path.write_bytes(path.read_bytes() + b"\n")
    assert run(["verify", str(path), "--key", str(public)]) == ExitStatus.BAD_INPUT
    assert "was not signed with" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--for", "board", "--precision", "both"], "goes with --for web"),
        (["--for", "android", "--runtime-files", "x"], "goes with --for web"),
        (["--for", "web", "--sign", "key.pem", "--output", "folder"], "signs one file"),
        (["--for", "web", "--into", "project"], "a package for browsers is not an app's"),
        (["--for", "board", "--output", "x.html"], "does not end in .zip"),
        (["--for", "web", "--output", "x.zip"], "x.zip does not end in .html; a folder"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    packable_bundle: Bundle, options: list[str], fault: str, capsys: Captured
) -> None:
    assert run(["package", str(packable_bundle.path), *options]) == ExitStatus.USAGE
    assert fault in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("output", [".", "..", "inside/.."])
def test_where_the_user_is_no_folder_is_replaced(
    packable_bundle: Bundle,
    pinned: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    output: str,
) -> None:
    for name, data in pinned.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "a" / "b" / "inside").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    command = ["package", str(packable_bundle.path), "--for", "web", "--runtime-files", str(tmp_path)]
    assert run([*command, "--output", output]) == ExitStatus.BAD_INPUT
    assert f"{output} is where you are, or above" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("output", ["my.site", "deep/er", "deep/../site"])
def test_a_folder_may_be_there_and_called_as_one_likes(
    packable_bundle: Bundle, pinned: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    for name, data in pinned.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "my.site").mkdir()
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path)
    command = ["package", str(packable_bundle.path), "--for", "web", "--runtime-files", str(tmp_path)]
    assert run([*command, "--output", output]) == ExitStatus.DONE
    assert (tmp_path / output / "index.html").is_file()


def test_a_folder_is_said_how_to_use(
    packable_bundle: Bundle, pinned: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "given").mkdir()
    for name, data in pinned.items():
        (tmp_path / "given" / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    command = ["package", str(packable_bundle.path), "--for", "web", "--runtime-files", "given"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEVIT_EDGE_CACHE", "file")
    assert run([*command, "--output", "site"]) == run([*command, "--output", "x.html"]) == ExitStatus.DONE
    shown = capsys.readouterr()
    assert "next: python3 -m http.server --directory site\n" in shown.out
    assert "Open it in a browser, from the disk too." in shown.out
    assert shown.err.count("could not be written: give --runtime-files again") == 2

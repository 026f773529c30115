"""What is in the wheel and the sdist, and that they are built the same again."""

import os
import re
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.release.conftest import ROOT, Distributions, build, copy_of_the_tree, succeed, tracked_files

pytestmark = pytest.mark.release
LARGEST_WHEEL_BYTES = 4_700_000
"""Of which 3.9 MB are the demo's weights and photographs, and 0.1 MB the page of `package --for web`."""
PAGE, PAGE_IN_WHEELS = "web_demo/page", "levit_edge/package/web/page"
"""Of `package --for web`: it is found in both places."""
LICENCES = {"LICENSE", "NOTICE", "levit_edge/data/demo/LICENSE"}


def page_files() -> set[str]:
    return {name.removeprefix(f"{PAGE}/") for name in tracked_files() if name.startswith(f"{PAGE}/")}


def test_the_wheel_holds_the_tracked_files_of_the_package_and_its_metadata(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    metadata = {name for name in names if re.match(r"levit_edge-[0-9.]+\.dist-info/", name)}
    own = {name for name in tracked_files() if name.startswith("levit_edge/")}
    assert names - metadata == own | {f"{PAGE_IN_WHEELS}/{name}" for name in page_files()}
    parts = {name.partition("/")[2] for name in metadata}
    assert parts == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", *(f"licenses/{name}" for name in LICENCES)}
    assert distributions.wheel.stat().st_size < LARGEST_WHEEL_BYTES


def test_the_origin_of_every_shipped_file_is_told() -> None:
    """Of Python files NOTICE speaks as a whole."""
    told = {word.strip(",") for word in (ROOT / "NOTICE").read_text().split() if word.startswith("levit_edge/")}
    shipped = [name for name in tracked_files() if name.startswith("levit_edge/") and not name.endswith(".py")]
    untold = [name for name in shipped if not any(fnmatch(name, f"{each}*") for each in told)]
    assert len(shipped) > 270
    assert untold == []


def test_the_sdist_holds_what_the_wheel_is_made_of(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as sdist:
        names = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    package = {name for name in tracked_files() if name.startswith("levit_edge/")}
    assert names - package == {
        "PKG-INFO", "pyproject.toml", ".gitignore", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE",
        *(f"{PAGE}/{name}" for name in page_files()),
    }  # fmt: skip
    assert package <= names


@pytest.mark.parametrize("option", ["--wheel", "--sdist"])
def test_another_build_gives_the_same_bytes(distributions: Distributions, tmp_path: Path, option: str) -> None:
    """From another folder, at another time, with other permissions, with leftovers of work lying about."""
    tree = copy_of_the_tree(tmp_path / "elsewhere")
    for path in tree.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    for leftover in ("levit_edge/__pycache__/errors.cpython-311.pyc", "build/x", ".pytest_cache/y"):
        (tree / leftover).parent.mkdir(parents=True, exist_ok=True)
        (tree / leftover).write_bytes(b"leftover")
    (again,) = build(tree, tmp_path / "dist", option, SOURCE_DATE_EPOCH="1580601600").iterdir()
    first = distributions.wheel if option == "--wheel" else distributions.sdist
    assert again.name == first.name
    assert again.read_bytes() == first.read_bytes()


def test_the_index_would_take_them(distributions: Distributions, tmp_path: Path) -> None:
    files = (distributions.sdist, distributions.wheel)
    assert succeed(sys.executable, "-m", "twine", "check", "--strict", *files, cwd=tmp_path).count("PASSED") == 2


def test_the_metadata_claims_what_is_tested(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        metadata = HeaderParser().parsestr(wheel.read(name).decode())
    pythons = [each for each in metadata.get_all("Classifier", []) if re.search(r"Python :: \d\.\d", each)]
    assert pythons == [f"Programming Language :: Python :: 3.{sys.version_info.minor}"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0 AND CC0-1.0 AND LicenseRef-WordNet"
    base = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert not [each for each in base if "torch" in each]

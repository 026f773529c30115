import json
from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus, OutputError
from levit_edge.package.archive import write_archive
from levit_edge.package.into_app import put_into_app
from levit_edge.package.package import Package


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An Android project without assets."""
    sources = tmp_path / "my_app" / "app" / "src" / "main"
    sources.mkdir(parents=True)
    (sources / "AndroidManifest.xml").write_text("<manifest/>")
    return tmp_path / "my_app"


def assets(project: Path) -> Path:
    return project / "app" / "src" / "main" / "assets"


def package_in(folder: Path) -> Package:
    return Package.parse(write_archive({path.name: path.read_bytes() for path in folder.iterdir()}), str(folder))


def command(bundle: Bundle, project: Path, *more: str, purpose: str = "android") -> int:
    return run(["package", str(bundle.path), "--for", purpose, "--into", str(project), *more])


def test_the_command_puts_a_whole_package_into_the_assets(
    packable_bundle: Bundle, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zipped = tmp_path / "colours.zip"
    arguments = ["package", str(packable_bundle.path), "--for", "android", "--output", str(zipped), "--json"]
    assert run(arguments) == ExitStatus.DONE
    sha256 = json.loads(capsys.readouterr().out)["sha256"]
    assert command(packable_bundle, project, "--json") == ExitStatus.DONE
    folder = assets(project) / "package"
    document = json.loads(capsys.readouterr().out)
    assert (document["package"], document["sha256"], document["signature"]) == (str(folder), sha256, None)
    assert package_in(folder).files["model.pte"] == packable_bundle.read("int8.pte")
    assert [path.name for path in assets(project).iterdir()] == ["package"]


def test_an_older_package_is_replaced_whole(project: Path, android_package: bytes) -> None:
    folder = put_into_app(project, android_package)
    (folder / "labels.txt").write_text("damaged")
    (folder / "NOTICE.txt").unlink()
    assert put_into_app(project, android_package) == folder
    package_in(folder)
    assert [path.name for path in assets(project).iterdir()] == ["package"]


def test_assets_of_others_stay(project: Path, android_package: bytes) -> None:
    (assets(project) / "fonts").mkdir(parents=True)
    put_into_app(project, android_package)
    assert {path.name for path in assets(project).iterdir()} == {"fonts", "package"}


@pytest.mark.parametrize("kind", ["file", "link", "folder of others", "package with a file of others"])
def test_nothing_else_is_replaced(project: Path, android_package: bytes, kind: str) -> None:
    folder = assets(project) / "package"
    if kind == "package with a file of others":
        put_into_app(project, android_package)
        (folder / "mine.txt").write_text("precious")
    else:
        folder.parent.mkdir()
        if kind == "file":
            folder.write_text("precious")
        elif kind == "link":
            folder.symlink_to(project)
        else:
            folder.mkdir()
            (folder / "labels.txt").write_text("precious")
    before = {path: path.read_bytes() for path in assets(project).rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match=r"package exists and is not a package made by levit-edge"):
        put_into_app(project, android_package)
    assert {path: path.read_bytes() for path in assets(project).rglob("*") if path.is_file()} == before


def test_a_folder_that_is_no_android_project_is_refused(
    packable_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(packable_bundle, tmp_path) == ExitStatus.BAD_INPUT
    assert "is not an Android project:" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_leaves_the_older_package(
    project: Path, android_package: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put_into_app(project, android_package)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        put_into_app(project, android_package)
    package_in(folder)
    assert [path.name for path in assets(project).iterdir()] == ["package"]


@pytest.mark.parametrize(
    ("purpose", "more", "message"),
    [
        ("board", (), "goes with --for android"),
        ("android", ("--output", "x.zip"), "give --output or --into, not both"),
        ("android", ("--sign", "key.pem"), "covered by the app's own signature"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    packable_bundle: Bundle,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    purpose: str,
    more: tuple[str, ...],
    message: str,
) -> None:
    assert command(packable_bundle, project, *more, purpose=purpose) == ExitStatus.USAGE
    assert message in " ".join(capsys.readouterr().err.replace("│", "").split())
    assert not assets(project).exists()

"""Bundles of the hub: fetched at one commit, kept, and hostile until they are checked."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from levit_edge.bundle import from_hub
from levit_edge.bundle.from_hub import HubBundle, fetch_bundle, name_of, on_hub
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import BundleError, DownloadError, ExitStatus, RuntimeUnavailableError
from levit_edge.model.hub import told_of
from tests.hub_server import HubServer, Repository

NAMED = HubBundle(repo="me/tiny")


def off_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("hf:me/tiny", NAMED),
        ("me/tiny", NAMED),
        ("hf:me/tiny@v1", HubBundle(repo="me/tiny", revision="v1")),
        ("me/tiny@v1", HubBundle(repo="me/tiny", revision="v1")),
        ("tiny", None),
        ("a/b/c", None),
        ("./me/tiny", None),
        ("me/tiny.zip", None),
        ("me/photo.jpg", None),
    ],
)
def test_what_names_a_bundle_of_the_hub(spec: str, found: HubBundle | None) -> None:
    assert on_hub(spec) == found


def test_a_path_that_is_there_is_no_bundle_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "me" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert on_hub("me/tiny") is None
    assert on_hub("hf:me/tiny") == NAMED


def test_nobody_hears_of_a_path_that_is_mistyped(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run(["predict", "runs/bundel", "photo.jpg"]) == ExitStatus.BAD_INPUT
    assert hub.requests == []
    told = capsys.readouterr().err
    assert "runs/bundel does not exist; expected a bundle" in told
    assert "One of the Hugging Face hub is called hf:runs/bundel." in told


def test_it_is_said_before_the_hub_is_asked(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "me/none", "photo.jpg"]) == ExitStatus.BAD_INPUT
    told = capsys.readouterr().err
    assert "note: me/none is no folder here: the Hugging Face hub is asked for hf:me/none." in told
    assert told.index("note:") < told.index("error:")
    assert hub.requests


def test_a_message_has_no_token_and_nothing_that_acts_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    told = told_of(OSError("\n\x1b[31mno Bearer hf_secret at https://me:pass@mirror/x.\nmore"))
    assert told == "[31mno Bearer … at https://…@mirror/x"


@pytest.mark.usefixtures("on_the_hub")
def test_the_card_of_one_goes_to_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report", "hf:me/tiny", "--card", "--license", "mit"]) == ExitStatus.DONE
    assert (tmp_path / "tiny-README.md").is_file()
    assert "publish" not in capsys.readouterr().out
    assert not list((tmp_path / "kept").rglob("README.md"))


@pytest.mark.parametrize("spec", ["hf:", "hf:tiny", "hf:../x", "hf:a/b@$(x)", "hf:/etc/passwd"])
def test_what_names_nothing_is_refused(spec: str) -> None:
    with pytest.raises(BundleError, match="names no repository; expected hf:owner/name"):
        on_hub(spec)


def test_it_is_fetched_once_and_is_the_same(on_the_hub: Repository, hub: HubServer, tiny_bundle: Path) -> None:
    folder = fetch_bundle(NAMED)
    assert name_of(folder) == f"hf:me/tiny@{on_the_hub.head}"
    assert folder.name == "tiny", "packages are called so"
    assert Bundle.open(folder).manifest == Bundle.open(tiny_bundle).manifest
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == on_the_hub.at("main")
    assert not [file for file in folder.iterdir() if file.is_symlink()]
    assert not [request for request in hub.requests if "/resolve/" not in request and request != "HEAD /"]
    hub.requests.clear()
    assert fetch_bundle(HubBundle(repo="me/tiny", revision=on_the_hub.head)) == folder
    assert hub.requests == [], "a commit never changes"


def test_a_revision_stays_what_it_was(on_the_hub: Repository) -> None:
    first = on_the_hub.head
    on_the_hub.commit({"labels.txt": b"changed\n"})
    assert Bundle.open(f"hf:me/tiny@{first}").labels()[0] == "red"
    with pytest.raises(BundleError, match="is damaged or was changed: its SHA-256"):
        Bundle.open("hf:me/tiny")


def test_without_a_network_what_was_fetched_serves(
    on_the_hub: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = fetch_bundle(NAMED)
    told: list[str] = []
    assert fetch_bundle(NAMED, told.append) == folder
    assert told == []
    off_line(monkeypatch)
    assert fetch_bundle(NAMED, told.append) == folder
    assert "refused): hf:me/tiny is what was fetched before, and may be older." in told[0]
    assert fetch_bundle(HubBundle(repo="me/tiny", revision=on_the_hub.head), told.append) == folder
    assert len(told) == 1, "a commit never changes"
    shutil.rmtree(tmp_path / "kept")
    assert fetch_bundle(NAMED) == folder, "of huggingface_hub's cache"
    with pytest.raises(
        DownloadError, match=r"me/other does not exist as a folder, .* hub: .*refused.*\. Without a network"
    ):
        fetch_bundle(HubBundle(repo="me/other"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../escaped", "names the file '../escaped', expected a plain file name"),
        ("/etc/passwd", "names the file '/etc/passwd', expected a plain file name"),
        ("a/b", "expected a plain file name"),
        ("manifest.json", "expected a plain file name"),
    ],
)
def test_no_path_leads_out(on_the_hub: Repository, hub: HubServer, name: str, message: str, tmp_path: Path) -> None:
    manifest = json.loads(on_the_hub.at("main")["manifest.json"])
    manifest["files"][name] = "0" * 64
    on_the_hub.commit({"manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(BundleError, match=message):
        fetch_bundle(NAMED)
    assert all(request.endswith(("/", "manifest.json")) for request in hub.requests)
    assert not list((tmp_path / "kept").rglob("labels.txt"))


def test_what_is_no_bundle(on_the_hub: Repository, hub: HubServer) -> None:
    hub.repositories["me/model"] = Repository()
    hub.repositories["me/model"].commit({"config.json": b"{}"})
    with pytest.raises(DownloadError, match="me/model on the Hugging Face hub is no bundle, or not whole"):
        fetch_bundle(HubBundle(repo="me/model"))
    on_the_hub.commit({"manifest.json": b"{}"})
    with pytest.raises(BundleError, match="hf:me/tiny on the Hugging Face hub: the manifest"):
        fetch_bundle(NAMED)


@pytest.mark.usefixtures("on_the_hub")
def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_hub, "MOST_BYTES", 100)
    with pytest.raises(BundleError, match=r"has 0 MiB, expected at most 0"):
        fetch_bundle(NAMED)


@pytest.mark.usefixtures("on_the_hub")
def test_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_hub, "MOST_FILES", 2)
    with pytest.raises(BundleError, match=r"names 5 files, expected at most 2"):
        fetch_bundle(NAMED)


def test_no_such_repository_no_revision_and_no_access(on_the_hub: Repository) -> None:
    with pytest.raises(DownloadError, match="me/none does not exist, neither as a folder nor on the Hugging Face hub"):
        fetch_bundle(HubBundle(repo="me/none"))
    with pytest.raises(DownloadError, match="me/tiny on the Hugging Face hub has no revision v9"):
        fetch_bundle(HubBundle(repo="me/tiny", revision="v9"))
    on_the_hub.gated = True
    with pytest.raises(DownloadError, match="is gated: ask for access there"):
        fetch_bundle(NAMED)


def test_a_base_install_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_hub, "find_spec", lambda _name: None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'levit-edge\[hub\]'"):
        fetch_bundle(NAMED)


@pytest.mark.parametrize("form", ["hf:me/tiny", "me/tiny"])
def test_predict_and_verify_keep_the_commit_in_their_results(
    on_the_hub: Repository, labelled_photographs: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = next(labelled_photographs.glob("red/*.jpg"))
    name = f"hf:me/tiny@{on_the_hub.head}"
    assert run(["predict", form, str(photo), "--json"]) == ExitStatus.DONE
    told = capsys.readouterr()
    assert json.loads(told.out)["bundle"] == name
    assert f"note: {name}, kept in " in told.err
    options = ["--evaluation", str(labelled_photographs), "--json", "--workers", "1"]
    assert run(["verify", form, *options]) == ExitStatus.DONE
    assert json.loads(capsys.readouterr().out)["bundle"] == name


@pytest.mark.usefixtures("on_the_hub")
def test_inspect_and_report_take_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["inspect", "hf:me/tiny", "--json"]) == ExitStatus.DONE
    assert json.loads(capsys.readouterr().out)["path"].startswith("hf:me/tiny@")
    assert run(["report", "hf:me/tiny"]) == ExitStatus.DONE
    assert (tmp_path / "tiny-report.html").is_file()


@pytest.mark.parametrize("words", [["me/tiny"], ["hf:me/tiny", "--compare", "me/tiny"]])
@pytest.mark.usefixtures("on_the_hub")
def test_report_says_how_one_is_called(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", *words]) == ExitStatus.BAD_INPUT
    assert "of the Hugging Face hub is called hf:me/tiny." in capsys.readouterr().err

"""What goes to the hub, that it is what comes back, and what is said if it cannot go."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, constants

from levit_edge.bundle.card_seal import is_unchanged
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.documents import to_json
from levit_edge.errors import BundleError, ExitStatus, PublishError
from levit_edge.hub.publish import publish, published_files
from levit_edge.report.card import model_card
from tests.hub_server import READ_ONLY, HubServer, Repository

REPO = "me/tiny"
FILES = {"README.md": b"# x\n", MANIFEST_FILE: b"{}", "int8.onnx": b"model"}


@pytest.fixture
def bundle(recorded: Bundle, tmp_path: Path) -> Path:
    """With evidence and a page, in a folder that also holds files that are not of it."""
    folder = Path(shutil.copytree(recorded.path, tmp_path / "mine"))
    (folder / "results").mkdir()
    (folder / "secret.txt").write_text("mine")
    return folder


def test_by_itself_nothing_is_sent(bundle: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publish", str(bundle), REPO, "--license", "mit"]) == ExitStatus.DONE
    told = capsys.readouterr().out
    assert hub.requests == []
    assert hub.repositories == {}
    assert "int8.onnx" in told
    assert "to me/tiny on the Hugging Face hub, private" in told
    assert "not of the bundle, and left here: results, secret.txt" in told
    assert "Nothing was sent: --push does it." in told


@pytest.mark.parametrize("public", [False, True])
def test_what_comes_back_is_what_went(
    bundle: Path, hub: HubServer, public: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--license", "mit", "--push", *(["--public"] if public else [])]
    assert run(["publish", str(bundle), REPO, *options]) == ExitStatus.DONE
    repository = hub.repositories[REPO]
    assert repository.private is not public
    assert f"published: {hub.url}/me/tiny at {repository.head}" in capsys.readouterr().out
    opened, back = Bundle.open(bundle), Bundle.open(f"hf:{REPO}")
    assert back.manifest.artifacts == opened.manifest.artifacts
    assert set(repository.at("main")) == {"README.md", MANIFEST_FILE, ".gitattributes", *opened.manifest.files}
    anew = {"evidence.json", "report.html"}  # of a made-up measurement, which names a folder
    assert all(back.read(name) == opened.read(name) for name in set(opened.manifest.files) - anew)
    card = repository.at("main")["README.md"].decode()
    assert "license: mit" in str(ModelCard(card).data)
    assert "levit-edge predict hf:me/tiny photo.jpg" in card
    assert "OWNER/NAME" not in card
    assert is_unchanged(card.encode()), "whoever clones it has a card of levit-edge"


def test_the_card_in_the_folder_goes_as_it_is(bundle: Path, hub: HubServer) -> None:
    (bundle / "README.md").write_text("---\nlicense: mit\n---\n# Mine: hf:OWNER/NAME\n")
    assert run(["publish", str(bundle), REPO, "--license", "mit", "--push"]) == ExitStatus.USAGE
    assert run(["publish", str(bundle), REPO, "--push"]) == ExitStatus.DONE
    assert hub.repositories[REPO].at("main")["README.md"] == b"---\nlicense: mit\n---\n# Mine: hf:me/tiny\n"


def test_an_older_bundle_goes_without_the_folders_that_it_names(bundle: Path, hub: HubServer) -> None:
    opened = Bundle.open(bundle)
    calibration = replace(opened.manifest.calibration, source="/home/alice/train")
    old = json.dumps(to_json(replace(opened.manifest, calibration=calibration)))
    (bundle / MANIFEST_FILE).write_text(old)
    assert run(["publish", str(bundle), REPO, "--license", "mit", "--push"]) == ExitStatus.DONE
    assert not [name for name, data in hub.repositories[REPO].at("main").items() if b"alice" in data]
    back = Bundle.open(f"hf:{REPO}")
    assert back.manifest.calibration.source == "…/train"
    assert back.manifest.artifacts == opened.manifest.artifacts


def test_a_card_that_names_a_folder_stays_here(bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"README.md names a folder of this computer, .*: see /home/alice/notes"):
        published_files(Bundle.open(bundle), "# Mine\nsee /home/alice/notes\n", REPO)


def test_class_names_that_look_like_paths_are_none(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    names = tuple(f"/m/0{place}" for place in range(opened.manifest.config.classes))
    (bundle / "labels.txt").write_text("\n".join(names) + "\n")
    files = opened.manifest.files | {"labels.txt": hashlib.sha256((bundle / "labels.txt").read_bytes()).hexdigest()}
    named = Bundle(bundle, replace(opened.manifest, files=files))
    assert named.labels() == names
    card = model_card(named, license_id="mit")
    assert "(/m/00, /m/01" in card
    assert published_files(named, card, REPO)["README.md"]


def test_an_older_page_goes_without_the_folders_that_it_names(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    (bundle / "report.html").write_text("<code>/home/alice/val</code>")
    files = opened.manifest.files | {
        "report.html": hashlib.sha256((bundle / "report.html").read_bytes()).hexdigest(),
    }
    going = published_files(Bundle(bundle, replace(opened.manifest, files=files)), "# Mine\n", REPO)
    assert b"alice" not in going["report.html"]


def test_what_a_link_leads_to_stays_here(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key").write_text("secret")
    (bundle / "README.md").symlink_to(tmp_path / "key")
    assert run(["publish", str(bundle), REPO]) == ExitStatus.BAD_INPUT
    assert "README.md is a link, and what it leads to would be published" in capsys.readouterr().err


def test_nobody_says_which_licence(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publish", str(bundle), REPO]) == ExitStatus.BAD_INPUT
    assert "does not say under which licence its weights are" in capsys.readouterr().err


def test_no_token(hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(PublishError, match="there is no token for the Hugging Face hub: run `hf auth login`"):
        publish(FILES, REPO, public=False)
    assert hub.requests == []


def test_no_network(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(PublishError, match=r"cannot be reached: .*refused.*\. Nothing was published"):
        publish(FILES, REPO, public=False)
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("hf_wrong", "does not take the token: run `hf auth login` again"),
        (READ_ONLY, "has no right to write to me/tiny"),
    ],
)
def test_no_rights(hub: HubServer, token: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(PublishError, match=message):
        publish(FILES, REPO, public=False)
    assert hub.repositories == {}


def test_other_files_are_there(hub: HubServer) -> None:
    repository = hub.repositories[REPO] = Repository(private=True)
    head = repository.commit({"model.safetensors": b"weights", "README.md": b"theirs"})
    with pytest.raises(PublishError, match=r"holds 1 other file, which would stay .*: model.safetensors"):
        publish(FILES, REPO, public=False)
    assert repository.head == head


def test_an_older_one_of_the_same_files_is_replaced(hub: HubServer) -> None:
    publish(FILES, REPO, public=False)
    done = publish({**FILES, "int8.onnx": b"newer"}, REPO, public=False)
    assert hub.repositories[REPO].head == done.revision
    assert hub.repositories[REPO].at("main")["int8.onnx"] == b"newer"


@pytest.mark.parametrize(
    ("private", "message"), [(True, "is private: leave --public out"), (False, "is public: give --public")]
)
def test_it_is_as_visible_as_asked_for_or_refused(hub: HubServer, private: bool, message: str) -> None:
    repository = hub.repositories[REPO] = Repository(private=private)
    head = repository.commit({})
    with pytest.raises(PublishError, match=message):
        publish(FILES, REPO, public=private)
    assert repository.head == head


def test_too_large(hub: HubServer) -> None:
    hub.most_bytes = 4
    with pytest.raises(
        PublishError, match=r"finds the files too large for me/tiny.* me/tiny was made there, and is empty"
    ):
        publish(FILES, REPO, public=False)


def test_changed_in_the_meantime(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    commit = HfApi.create_commit

    def late(self: HfApi, *args: object, **options: object) -> object:
        hub.repositories[REPO].commit({"README.md": b"theirs"})
        return commit(self, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(HfApi, "create_commit", late)
    with pytest.raises(PublishError, match="was changed in the meantime"):
        publish(FILES, REPO, public=False)
    assert hub.repositories[REPO].at("main")["README.md"] == b"theirs"


@pytest.mark.parametrize("repo", ["tiny", "a/b/c", "../x", "me/"])
def test_what_is_no_repository(bundle: Path, repo: str) -> None:
    assert run(["publish", str(bundle), repo]) == ExitStatus.USAGE

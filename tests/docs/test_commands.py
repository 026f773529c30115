import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from levit_edge.cli.main import app
from tests.conftest import REPOSITORY, Made
from tests.docs.pages import COMMANDS, PAGES, Block, blocks
from tests.hub_server import TOKEN, HubServer, hub_server

DEMO = REPOSITORY / "levit_edge/data/demo"
BUNDLE = "my-levit-int8"
ALL = [block for page in PAGES for block in blocks(page)]
WITH_COMMANDS = [block for block in ALL if block.language in COMMANDS]
RUN = {page.name: page_blocks for page in PAGES if (page_blocks := [b for b in blocks(page) if b.runs])}


def at(block: Block) -> str:
    return block.where


def test_every_block_has_a_language() -> None:
    assert not [block.where for block in ALL if not block.language]


@pytest.mark.parametrize("block", WITH_COMMANDS, ids=at)
def test_every_block_of_commands_is_run_or_says_why_not(block: Block) -> None:
    assert block.state, f"{block.where} has {block.comment!r} before it, expected a comment as in tests/docs/pages.py"


@pytest.mark.parametrize("block", WITH_COMMANDS, ids=at)
def test_commands_have_only_options_that_there_are(block: Block) -> None:
    """Also where they are not run."""
    group: Any = typer.main.get_command(app)
    for step in block.steps:
        for words in calls(step.command):
            context = group.make_context("levit-edge", words)
            if words[0] != "--version":
                name, command, arguments = group.resolve_command(context, words)
                command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize(
    ("command", "described_in"),
    [("quantize", "recipes.md"), ("bench", "boards.md"), ("sweep", "sweeps.md")]
    + [(name, "*.md") for name in ("verify", "predict", "package", "sensitivity", "report", "publish", "doctor")],
)
def test_every_option_is_described(command: str, described_in: str) -> None:
    group: Any = typer.main.get_command(app)
    text = "".join(page.read_text("utf-8") for page in (REPOSITORY / "docs").glob(described_in))
    described = {"--help", *re.findall(r"--[a-z0-9-]+", text)}
    context = group.make_context("levit-edge", [command])
    parameters = group.get_command(context, command).params
    options = [{*parameter.opts, *parameter.secondary_opts} for parameter in parameters]
    assert not [names for names in options if any(n.startswith("--") for n in names) and not names & described]


def calls(source: str) -> list[list[str]]:
    """The arguments of every `levit-edge` in a script."""
    found: list[list[str]] = []
    for line in source.replace("\\\n", "").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        ends = [place for place, word in enumerate(words) if set(word) <= set("&|;<>()")]
        starts = [0, *(place + 1 for place in ends)]
        found += [words[start:end] for start, end in zip(starts, [*ends, len(words)], strict=True)]
    return [words[1:] for words in found if words[:1] == ["levit-edge"]]


def test_calls_are_found_in_scripts() -> None:
    script = "levit-edge inspect a.pth  # what is it?\ncd b && levit-edge predict \\\n  'my bundle' c.jpg > d\nls"
    assert calls(script) == [["inspect", "a.pth"], ["predict", "my bundle", "c.jpg"]]


@pytest.fixture
def desk(tmp_path: Path, demo_bundle: Made) -> Path:
    """A folder with what the pages talk about: a checkpoint of one's own, photographs, and its bundle."""
    import torch

    from levit_edge import load

    torch.save({"model": load(DEMO / "levit-demo.safetensors").state_dict()}, tmp_path / "my-levit.pth")
    shutil.copytree(DEMO / "calibration", tmp_path / "train")
    shutil.copytree(DEMO / "evaluation", tmp_path / "val")
    (tmp_path / "photos").mkdir()
    for number, image in enumerate(sorted((DEMO / "evaluation").glob("*/*.jpg"))[::12]):
        shutil.copy(image, tmp_path / "photos" / f"{number}.jpg")
    shutil.copy(tmp_path / "photos" / "0.jpg", tmp_path / "photo.jpg")
    shutil.copytree(demo_bundle[0], tmp_path / BUNDLE)
    for block in ALL:
        if (named := re.match(r"# (\S+\.toml)\n", block.source)) is not None:
            (tmp_path / named[1]).write_text(block.source)
    return tmp_path


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with hub_server() as server:
        yield server


@pytest.mark.release
@pytest.mark.parametrize("page", RUN)
def test_commands_do_what_the_page_says(page: str, desk: Path, hub: HubServer) -> None:
    if any(f"--output {BUNDLE}" in block.source for block in RUN[page]):
        shutil.rmtree(desk / BUNDLE)  # the page makes it
    for block in RUN[page]:
        for step in block.steps:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", step.command],
                capture_output=True,
                text=True,
                cwd=desk,
                env=environment(desk, hub),
                check=False,
            )
            expected = block.status if step == block.steps[-1] else 0
            told = f"{block.where}: {step.command}\n{done.stdout}{done.stderr}"
            assert done.returncode == expected, told
            unseen = [line for line in step.shown if not occurs(line, done.stdout + done.stderr)]
            assert not unseen, told


def environment(desk: Path, hub: HubServer) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {
        "PATH": path,
        "PYTHONPATH": str(REPOSITORY),
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "LEVIT_EDGE_CACHE": str(desk / "cache"),
        "HF_HOME": str(desk / "huggingface"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
    }


def occurs(shown: str, output: str) -> bool:
    """Whether a line of the page is in the output: any figure stands for any other, `…` for anything."""
    pieces = [re.escape(plain(piece).strip()) for piece in shown.split("…")]
    return re.search(".*".join(pieces), plain(output)) is not None


def plain(text: str) -> str:
    return re.sub(r"[-+−]?\d[\d.,]*", "0", re.sub(r"[^\S\n]+", " ", text.replace("…", "")))


@pytest.mark.parametrize(
    ("shown", "holds"),
    [
        ("int8.pte  0.88  69.17  -0.28 … +0.38", True),
        ("int8.pte  0.91  70.00  0.10 … +0.38", True),
        ("int8.onnx  0.88  69.17  -0.28 … +0.38", False),
        ("gate passed: the drop is …", True),
        ("gate failed", False),
    ],
)
def test_stable_parts_of_the_output_are_compared(shown: str, holds: bool) -> None:
    output = "artifact MiB top-1 %\nint8.pte     0.88    69.17  -0.28 … +0.38\ngate passed: the drop is at most 1\n"
    assert occurs(shown, output) is holds

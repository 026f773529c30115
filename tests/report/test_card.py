"""The model card: a head that the hub's own library reads, the figures, and nothing of its maker's machine."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from levit_edge.bundle.card_seal import is_unchanged
from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import BundleError, ExitStatus
from levit_edge.model.config import CONFIGS
from levit_edge.report.card import license_of, model_card
from tests.board.example import MEASUREMENT
from tests.conftest import DEMO_SHA256

OFFICIAL = CONFIGS["128S"].weights


def of(manifest: Manifest, **changes: Any) -> Manifest:
    return replace(manifest, checkpoint=replace(manifest.checkpoint, **changes))


def head(card: str) -> dict[str, Any]:
    found: dict[str, Any] = ModelCard(card).data.to_dict()  # type: ignore[no-untyped-call]
    return found


def test_the_head_is_what_the_hub_reads(recorded: Bundle) -> None:
    found = head(model_card(recorded, license_id="mit", datasets=["me/colours"]))
    verification = recorded.manifest.verification
    int8 = verification.results[1]
    assert int8.top1 is not None
    assert int8.drop_ci95_pt is not None
    assert (found["license"], found["library_name"], found["pipeline_tag"]) == (
        "mit",
        "levit-edge",
        "image-classification",
    )
    assert found["datasets"] == ["me/colours"]
    assert {"levit", "int8", "onnxruntime"} <= set(found["tags"])
    assert "base_model" not in found
    (result,) = found["model-index"][0]["results"]
    assert result["dataset"]["type"] == "me/colours"
    assert result["dataset"]["args"] == {"images": 32, "sha256": verification.images.sha256}
    metrics = {metric["name"]: metric for metric in result["metrics"]}
    assert metrics["Top-1, int8.onnx"]["value"] == pytest.approx(int8.top1 / 100, abs=1e-6)
    drop = metrics["Drop in top-1 from fp32, points, int8.onnx"]
    assert drop["value"] == pytest.approx(int8.drop_pt, abs=1e-4)
    assert drop["args"]["interval_95"] == pytest.approx(int8.drop_ci95_pt, abs=1e-4)
    assert "Drop in top-1 from fp32, points, fp32.onnx" not in metrics


def test_sizes_devices_and_how_to_run_it_are_told(recorded: Bundle) -> None:
    card = model_card(recorded, license_id="mit", measurements=[MEASUREMENT])
    int8 = recorded.manifest.artifacts[1]
    for expected in (
        f"| `int8.onnx` | onnxruntime | {int8.size_bytes / 2**20:.2f} | `{int8.sha256[:16]}…` |",
        f"| {MEASUREMENT.device.model} | executorch | 1 |",
        "levit-edge predict hf:OWNER/NAME photo.jpg",
        'Bundle.open("hf:OWNER/NAME")',
        "--for board",
        "--for android",
        "--for web",
        "> Few images: one of 32 is 3.12 points.",
        "mit, of the weights, as whoever published this says.",
    ):
        assert expected in card, expected
    assert "someone" not in card, "the folder in which the example was measured"


def test_what_is_known_of_the_weights_is_said(recorded: Bundle) -> None:
    assert OFFICIAL is not None
    official = of(recorded.manifest, sha256=OFFICIAL.sha256_prefix + "0" * 56)
    assert license_of(official, None) == "apache-2.0"
    found = head(model_card(Bundle(recorded.path, official), license_id="apache-2.0"))
    assert (found["base_model"], found["base_model_relation"]) == ("facebook/levit-128S", "quantized")
    assert found["datasets"] == ["imagenet-1k"]
    assert license_of(of(recorded.manifest, sha256=DEMO_SHA256), None) == "cc0-1.0"
    fetched = of(recorded.manifest, source="them/levit", revision="a" * 40, license="mit")
    assert license_of(fetched, None) == "mit"
    card = model_card(Bundle(recorded.path, fetched), license_id="mit")
    assert head(card)["base_model"] == "them/levit"
    assert "commit `aaaaaaaaaaaa`" in card
    a_folder = of(recorded.manifest, source="runs/best")
    assert "base_model" not in head(model_card(Bundle(recorded.path, a_folder), license_id="mit"))


def test_a_licence_that_nobody_says_has_to_be_given(recorded: Bundle) -> None:
    with pytest.raises(BundleError, match=r"tiny.pth does not say under which licence .*Give --license"):
        license_of(recorded.manifest, None)
    assert license_of(recorded.manifest, " Apache-2.0 ") == "apache-2.0"
    with pytest.raises(BundleError, match="--license is 'MIT License', expected an identifier"):
        license_of(recorded.manifest, "MIT License")


def test_hostile_values_are_text(recorded: Bundle) -> None:
    nasty = "a|b\n# c <script>x</script> `d` [e](f) ---\nlicense: gpl"
    manifest = of(recorded.manifest, source=nasty, format=nasty)
    images = replace(manifest.verification.images, source=nasty)
    manifest = replace(manifest, verification=replace(manifest.verification, images=images), tools={nasty: nasty})
    card = model_card(Bundle(recorded.path, manifest), license_id="mit")
    assert head(card)["license"] == "mit"
    body = ModelCard(card).text
    assert "<script>" not in body
    assert "\n# c" not in body
    assert r"a\|b # c \<script\>x\</script\> \`d\` \[e\](f)" in body


def test_report_writes_it_and_again_but_not_over_what_somebody_wrote(
    bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = bundle_path / "README.md"
    command = ["report", str(bundle_path), "--card", "--license", "mit", "--dataset", "me/colours"]
    for _ in range(2):
        assert run(command) == ExitStatus.DONE
        assert f"card: {card}" in capsys.readouterr().out
    assert is_unchanged(card.read_bytes())
    assert head(card.read_text())["datasets"] == ["me/colours"]
    Bundle.open(bundle_path)
    card.write_text(card.read_text().replace("Input:", "My input:"))
    assert run(command) == ExitStatus.BAD_INPUT
    assert "was changed after levit-edge wrote it" in capsys.readouterr().err
    assert "My input:" in card.read_text()
    assert run([*command, "--output", str(bundle_path.parent / "other.md"), "--json"]) == ExitStatus.DONE
    assert json.loads(capsys.readouterr().out)["license"] == "mit"


@pytest.mark.parametrize(
    "options",
    [["--license", "mit"], ["--dataset", "x"], ["--card", "--open"], ["--card", "--output", "x.html"]],
)
def test_options_that_do_not_go_together(bundle_path: Path, options: list[str]) -> None:
    assert run(["report", str(bundle_path), *options]) == ExitStatus.USAGE

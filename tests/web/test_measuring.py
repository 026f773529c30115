"""What the page measures in Chromium: accuracy on a folder, times, and the live camera."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

from levit_edge.benchmark.files import load_measurements
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.preprocess import read_input
from levit_edge.demo import evaluation_dir
from levit_edge.runtime.evaluation.verify import verify
from levit_edge.runtime.runner import open_runner
from tests.conftest import REPOSITORY, Made
from tests.web.conftest import START_MS, ask_worker, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.release
FORBIDDEN = """
() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
}
"""
LARGEST_DIFFERENCES = {Precision.INT8: 0.03, Precision.FP32: 1e-4}
"""Of logits near 4, between the two builds of ONNX Runtime; by the order of the page's models."""
SCHEMA = json.loads((REPOSITORY / "docs/bench.schema.json").read_text())


def saved(page: "Page", section: str, path: Path) -> Any:
    """The document behind a section's link."""
    page.wait_for_selector(f"{section} a", timeout=START_MS)
    with page.expect_download() as download:
        page.click(f"{section} a")
    download.value.save_as(path)
    return json.loads(path.read_text(encoding="utf-8"))


def verified(page: "Page", folder: Path, path: Path) -> Any:
    page.set_input_files("#folder", folder)
    return saved(page, "#verified", path)


def test_a_folder_is_verified_as_by_python(
    browser: "Browser", tiny_page: Path, tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path
) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        found = verified(page, labelled_photographs, tmp_path / "found.json")
        assert page.locator("#verified article").count() == len(found["flips"])
    expected = verify(Bundle.open(tiny_bundle), labelled_photographs, runtimes=[Runtime.ONNXRUNTIME])
    assert (found["images"], found["paired_by"]) == (expected.samples, "class names")
    fp32, int8 = expected.results
    assert [(each["precision"], each["top1"], each["top5"]) for each in found["models"]] == [
        ("fp32", pytest.approx(fp32.top1), pytest.approx(fp32.top5)),
        ("int8", pytest.approx(int8.top1), pytest.approx(int8.top5)),
    ]
    assert int8.flips_lost
    for name in ("drop_pt", "drop_ci95_pt", "agreement", "flips_lost", "flips_gained"):
        assert found[name] == pytest.approx(getattr(int8, name)), name
    assert len(found["flips"]) == int8.flips_lost + (int8.flips_gained or 0)


@pytest.mark.parametrize("several", [False, True], ids=["a folder", "class folders"])
def test_folders_are_dropped(
    browser: "Browser", tiny_page: Path, labelled_photographs: Path, tmp_path: Path, several: bool
) -> None:
    """By the system, as a person drops them. From the disk, Chromium gives a page no entries to read, but handles."""
    dropped = [labelled_photographs / "red", labelled_photographs / "green"] if several else [labelled_photographs]
    with opened(browser, tiny_page.as_uri()) as page:
        drop(page, dropped)
        found = saved(page, "#verified", tmp_path / "found.json")
    assert (found["images"], found["whole"], found["paired_by"]) == (26 if several else 32, True, "class names")


def drop(page: "Page", paths: list[Path]) -> None:
    page.locator("#drop").scroll_into_view_if_needed()
    session, box = page.context.new_cdp_session(page), page.locator("#drop").bounding_box()
    assert box is not None
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 9, "y": box["y"] + 9, "data": data})


def test_the_demos_photographs_give_the_same_counts(
    browser: "Browser", demo_bundle: Made, demo_page_of_both: Path, tmp_path: Path
) -> None:
    with opened(browser, demo_page_of_both.as_uri()) as page:
        found = verified(page, evaluation_dir(), tmp_path / "found.json")
    expected = verify(Bundle.open(demo_bundle[0]), evaluation_dir(), runtimes=[Runtime.ONNXRUNTIME])
    fp32, int8 = expected.results
    assert (found["images"], found["unreadable"]) == (120, [])
    assert [each["top1"] for each in found["models"]] == [pytest.approx(fp32.top1), pytest.approx(int8.top1)]
    assert [each["top5"] for each in found["models"]] == [pytest.approx(fp32.top5), pytest.approx(int8.top5)]
    assert (found["flips_lost"], found["flips_gained"]) == (int8.flips_lost, int8.flips_gained)


def test_the_demos_logits_are_those_of_python_but_a_little(
    browser: "Browser", demo_bundle: Made, demo_page_of_both: Path
) -> None:
    bundle = Bundle.open(demo_bundle[0])
    photographs = sorted(evaluation_dir().glob("*/*.jpg"))
    with opened(browser, demo_page_of_both.as_uri()) as page:
        contents = [path.read_bytes() for path in photographs]
        answers = ask_worker(page, demo_page_of_both, contents, as_stored=True, models=2)
    found = np.array([answer["logits"] for answer in answers])
    for place, (precision, most) in enumerate(LARGEST_DIFFERENCES.items()):
        data = bundle.read(bundle.artifact(Runtime.ONNXRUNTIME, precision).file)
        runner, preprocessing = open_runner(Runtime.ONNXRUNTIME, data), bundle.manifest.preprocessing
        expected = [runner.run(read_input(path, preprocessing)[np.newaxis]) for path in photographs]
        assert np.abs(found[:, place] - np.array(expected)).max() <= most


def test_folders_that_cannot_be_verified_have_their_reasons(
    browser: "Browser", tiny_page: Path, tmp_path: Path
) -> None:
    def put(folder: str, *paths: str) -> Path:
        for path in paths:
            (tmp_path / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / path).write_bytes(b"no picture")
        return tmp_path / folder

    cases = [
        (
            put("none", "red/notes.txt"),
            "expected one folder for each class, or images (1 file passed over: 1 no image)",
        ),
        (put("beside", "red/1.jpg", "2.jpg"), "images beside the class folders: 2.jpg"),
        (put("strange", "<b>hat/1.jpg"), "none of the folders is among the model's classes. Folders: <b>hat"),
    ]
    with opened(browser, tiny_page.as_uri()) as page:
        for folder, reason in cases:
            page.set_input_files("#folder", folder)
            page.wait_for_selector("#verified .refusal")
            assert reason in page.inner_text("#verified")
        found = verified(page, put("bad", "red/1.jpg", "red/2.png"), tmp_path / "found.json")
    assert (found["images"], len(found["unreadable"]), found["drop_pt"]) == (0, 2, None)
    assert [each["top1"] for each in found["models"]] == [None, None]


def test_a_folder_without_classes_tells_agreement_alone(
    browser: "Browser", tiny_page: Path, unlabelled_photographs: Path, tmp_path: Path
) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        found = verified(page, unlabelled_photographs, tmp_path / "found.json")
    assert found["labelled"] is False
    assert (found["drop_pt"], found["models"][0]["top1"]) == (None, None)
    assert 0 < found["agreement"] <= 100


def test_a_benchmark_is_one_that_levit_edge_reads(browser: "Browser", tiny_page: Path, tmp_path: Path) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        page.click("#bench")
        document = saved(page, "#measured", tmp_path / "measured.json")
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    (measurement,) = load_measurements([tmp_path / "measured.json"])
    assert measurement.target == "web"
    assert re.fullmatch(r"(Headless)?Chrom\w+ \d+ on Linux", measurement.device.model)
    assert [result.artifact for result in measurement.results] == ["int8.onnx", "fp32.onnx"]
    assert all(result.runs == measurement.rounds * measurement.runs for result in measurement.results)
    assert all(result.package == "onnxruntime-web 1.30.0" for result in measurement.results)
    assert len(measurement.speedups) == 1
    assert "not native speed" in measurement.findings[0]
    assert "the clock has steps of" in measurement.findings[1]
    assert "is the mean of" in measurement.findings[1]  # the tiny model is quicker than the clock's step


def test_the_live_camera_is_classified_until_it_is_stopped(browser: "Browser", tiny_page: Path) -> None:
    with opened(browser, tiny_page.as_uri(), permissions=["camera"]) as page:
        page.click("#live")
        page.wait_for_selector("#live-guesses li", timeout=START_MS)
        assert "pictures a second" in page.inner_text("#rate")
        assert page.get_attribute("#live", "aria-pressed") == "true"
        page.click("#live")
        assert not page.is_visible("#camera")


def test_a_camera_that_is_not_allowed_is_told(browser: "Browser", tiny_page: Path) -> None:
    with opened(browser, tiny_page.as_uri()) as page:
        page.evaluate(FORBIDDEN)
        page.click("#live")
        page.wait_for_selector("#rate:has-text('No live picture: the camera was not allowed')")
        assert not page.is_disabled("#live")

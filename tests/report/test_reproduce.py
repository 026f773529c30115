import shlex
from dataclasses import replace

import pytest

from levit_edge import demo
from levit_edge.bundle.kinds import GateOn
from levit_edge.bundle.manifest import CheckpointProvenance, Gate, ImageProvenance, Move, SearchRecord
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import LayerScheme, Recipe, Scheme
from levit_edge.data.image_tables import ImageTables, TableFile
from levit_edge.data.options import PreprocessingChanges
from levit_edge.report.bundle_page import bundle_page
from levit_edge.report.reproduce import asked_of, measured_besides, quantize_command, unasked, verify_command
from tests.conftest import DEMO_SHA256


def test_moves_of_a_search_are_left_to_the_search(recorded: Bundle) -> None:
    images = ImageProvenance(source="val", count=20, sha256="0" * 64, skipped=("bad.jpg",))
    search = SearchRecord(
        max_drop_pt=0.5, images=images, trials=(), moves=(Move(layer="head", scheme=LayerScheme.FLOAT),), held=True
    )
    manifest = replace(
        recorded.manifest,
        search=search,
        recipe=Recipe(scheme=Scheme.MIXED, float_layers=("stem.*", "head"), seed=3),
        verification=replace(recorded.manifest.verification, gate=Gate(max_drop_pt=0.5, passed=True)),
        calibration=replace(images, source="train"),
        checkpoint=CheckpointProvenance(source="my weights.pth", format="original", sha256=""),
        config=replace(recorded.manifest.config, name="128S"),
        preprocessing=replace(recorded.manifest.preprocessing, resize=40),
    )
    words = shlex.split(" ".join(quantize_command(manifest, 100)))
    assert words == [
        *("levit-edge", "quantize", "--model", "128S", "--checkpoint", "my weights.pth", "--calibration", "train"),
        *("--evaluation", "val", "--resize", "40", "--skip-bad-images"),
        *("--calibration-images", "256", "--seed", "3", "--scheme", "mixed", "--float-layer", "stem.*"),
        *(
            "--target",
            "any",
            "--onnx-attention",
            "plain",
            "--float16",
            "--onnx-float16",
            "--equalize",
            "--weight-rounding",
            "gptq",
        ),
        *("--no-bias-correction", "--range-method", "minmax", "--percentile", "99.99"),
        *("--max-drop", "0.5", "--limit", "100"),
    ]


def test_all_that_was_asked_of_preprocessing_is_repeated(recorded: Bundle) -> None:
    changes = PreprocessingChanges(
        crop="0.9", interpolation="lanczos", mean=(0.5, 0.25, 0.0), std=(0.5, 0.123456789012345, 1.0)
    )
    words = shlex.split(" ".join(quantize_command(replace(recorded.manifest, preprocessing_changes=changes), None)))
    asked = "--crop 0.9 --interpolation lanczos --mean 0.5,0.25,0.0 --std 0.5,0.123456789012345,1.0"
    assert asked in " ".join(words)
    assert "--resize" not in words


@pytest.mark.parametrize("source", ["$(reboot)", "a; reboot", "`reboot`", "'; reboot; '", "--output"])
def test_nothing_of_a_bundle_is_a_command(recorded: Bundle, source: str) -> None:
    images = replace(recorded.manifest.verification.images, source=source)
    manifest = replace(
        recorded.manifest,
        calibration=replace(images, source="train"),
        verification=replace(recorded.manifest.verification, images=images),
    )
    for command in (" ".join(quantize_command(manifest, None)), verify_command(manifest, None)):
        assert command is not None
        words = shlex.split(command)
        assert words[words.index("--evaluation") + 1] == source


def test_the_weights_of_a_file_with_several_are_named(recorded: Bundle) -> None:
    checkpoint = CheckpointProvenance(
        source="my.pth", format="timm", sha256="", entry="state_dict_ema", other_entries=("state_dict",)
    )
    manifest = replace(
        recorded.manifest, checkpoint=checkpoint, config=replace(recorded.manifest.config, name="custom")
    )
    words = shlex.split(" ".join(quantize_command(manifest, None)))
    assert words[words.index("--checkpoint") + 1 :][:3] == ["my.pth", "--weights", "state_dict_ema"]


def test_tables_gates_and_lists_are_repeated_and_told_apart(recorded: Bundle) -> None:
    def table(name: str) -> TableFile:
        return TableFile(path=name, sha256="0" * 64)

    train = ImageProvenance(source="train", count=9, sha256="1" * 64, tables=ImageTables(only=table("only list.txt")))
    told = ImageTables(
        classes=table("classes.csv"),
        labels=table("val.txt"),
        devkit=TableFile(path="kit", sha256=None),
        only=table("val list.txt"),  # of a sweep's plan: quantize has one list, for calibration
    )
    val = ImageProvenance(source="val", count=9, sha256="2" * 64, tables=told)
    gate = Gate(max_drop_pt=0.1 + 0.2, passed=True, on=GateOn.INTERVAL, allow_poor_fp32=True)
    verification = replace(recorded.manifest.verification, images=val, gate=gate)
    manifest = replace(recorded.manifest, calibration=train, verification=verification)
    words = shlex.split(" ".join(quantize_command(manifest, None)))
    of_images = ["--classes", "classes.csv", "--labels", "val.txt", "--devkit", "kit"]
    at = words.index("--classes")
    assert words[at : at + 8] == [*of_images, "--only", "only list.txt"]
    of_gate = ["--max-drop", "0.30000000000000004", "--gate-on", "interval", "--allow-poor-fp32"]
    assert words[-5:] == of_gate
    figures = verify_command(manifest, 7)
    assert figures is not None
    call = ["levit-edge", "verify", "BUNDLE", "--evaluation", "val"]
    assert shlex.split(figures) == [*call, *of_images, "--only", "val list.txt", *of_gate, "--limit", "7"]


def test_the_list_of_a_sweeps_evaluation_images_is_for_verify_and_told_of_beside_quantize(recorded: Bundle) -> None:
    def images(source: str, only: str) -> ImageProvenance:
        tables = ImageTables(only=TableFile(path=only, sha256="0" * 64))
        return ImageProvenance(source=source, count=9, sha256="1" * 64, tables=tables)

    verification = replace(recorded.manifest.verification, images=images("val", "half.txt"))
    manifest = replace(recorded.manifest, calibration=images("train", "mlperf.txt"), verification=verification)
    assert verify_command(manifest, None) == "levit-edge verify BUNDLE --evaluation val --only half.txt"
    assert "--only mlperf.txt" in quantize_command(manifest, None)
    said = "quantize takes no list of evaluation images, and a sweep does: these were only those of half.txt."
    assert unasked(manifest) == said
    assert unasked(recorded.manifest) is None
    assert said in bundle_page(replace(recorded, manifest=manifest))


def test_one_folder_for_both_is_named_twice_if_it_was(recorded: Bundle) -> None:
    images = replace(recorded.manifest.verification.images, source="all")
    for labelled in (True, False):
        verification = replace(recorded.manifest.verification, images=images, labelled=labelled)
        manifest = replace(recorded.manifest, calibration=images, verification=verification)
        assert (asked_of(manifest, None).evaluation == "all") is labelled


def test_bad_images_of_the_search_are_skipped_again(recorded: Bundle) -> None:
    images = ImageProvenance(source="val", count=20, sha256="0" * 64, skipped=("bad.jpg",))
    search = SearchRecord(max_drop_pt=0.5, images=images, trials=(), moves=(), held=True)
    assert not asked_of(recorded.manifest, None).options.skip_bad_images
    assert asked_of(replace(recorded.manifest, search=search), None).options.skip_bad_images


def test_weights_of_the_demos_size_are_named_unless_they_are_the_demos(recorded: Bundle) -> None:
    manifest = recorded.manifest
    assert (manifest.config.name, asked_of(manifest, None).checkpoint) == ("demo", "tiny.pth")
    own = replace(manifest.checkpoint, source=demo.checkpoint_path().name)
    assert asked_of(replace(manifest, checkpoint=own), None).checkpoint == own.source
    assert asked_of(replace(manifest, checkpoint=replace(own, sha256=DEMO_SHA256)), None).checkpoint is None


def test_turned_photographs_are_turned_again(recorded: Bundle) -> None:
    manifest = recorded.manifest
    images = replace(manifest.verification.images, source="my val")
    turned = replace(manifest, verification=replace(manifest.verification, images=images, exif=True))
    assert verify_command(turned, None) == "levit-edge verify BUNDLE --evaluation 'my val' --exif"


def test_images_that_chose_the_schemes_are_told_beside_the_command_that_measures_them_too(recorded: Bundle) -> None:
    val = ImageProvenance(source="val", count=20, sha256="0" * 64)
    search = SearchRecord(max_drop_pt=0.5, images=replace(val, count=1), trials=(), moves=(), held=True)
    verification = replace(recorded.manifest.verification, images=val, samples=20)
    plain = replace(recorded.manifest, calibration=replace(val, source="train"), verification=verification)
    assert measured_besides(plain) is None
    searched = replace(plain, search=search)
    said = "figures above leave out the 1 image that the search chose by, and are of 20 images. So they differ."
    assert said in str(measured_besides(searched))
    assert said in bundle_page(replace(recorded, manifest=searched))
    assert "So they differ" not in bundle_page(replace(recorded, manifest=plain))


def test_what_calibration_left_over_is_told_too(recorded: Bundle) -> None:
    all_images = ImageProvenance(source="all", count=9, sha256="0" * 64)
    verification = replace(recorded.manifest.verification, images=all_images, labelled=False, samples=9)
    manifest = replace(recorded.manifest, calibration=all_images, verification=verification)
    assert measured_besides(manifest) is None  # calibration used all
    assert verify_command(manifest, 4) == "levit-edge verify BUNDLE --evaluation all"
    rest = replace(manifest, calibration=replace(all_images, sha256="1" * 64, count=32))
    assert "leave out the 32 images that calibration used, and are of 9 images" in str(measured_besides(rest))
    assert str(verify_command(rest, 9)).endswith(" --limit 9")

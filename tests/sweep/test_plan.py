"""The plan of a sweep: what is taken, and what each mistake is told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.bundle.recipe import Recipe, Scheme
from levit_edge.data.options import PreprocessingChanges
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError, PlanError
from levit_edge.sweep.inputs.present import require_present
from levit_edge.sweep.plan import SweepPlan, Winner, WinnerBy, read_plan

LEAST = """
[[checkpoints]]
path = "weights/*.pth"
[calibration]
images = "train"
[evaluation]
images = "s3://bucket/val-{000..099}.tar"
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "plan.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(PlanError) as caught:
        read_plan(written(folder, text))
    return str(caught.value)


def test_the_least_plan(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, LEAST))
    assert plan.recipes == {"default": Recipe()}
    assert plan.winner == Winner(by=WinnerBy.ACCURACY)
    assert plan.latency is None


def test_preprocessing_that_is_otherwise_than_the_checkpoint_says(tmp_path: Path) -> None:
    asked = 'crop = "0.9"\ninterpolation = "lanczos"\nmean = [0.5, 0, 1]\n'
    plan = read_plan(written(tmp_path, LEAST.replace("[calibration]", asked + "[calibration]")))
    assert plan.checkpoints[0].changes == PreprocessingChanges(
        crop="0.9", interpolation="lanczos", mean=(0.5, 0.0, 1.0)
    )
    assert read_plan(written(tmp_path, LEAST)).checkpoints[0].changes == PreprocessingChanges()


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ('crop = "border"', "crop is 'border', expected center, squash or a fraction"),
        ('crop = "0.9"\nresize = 248', "resize 248 and crop 0.9 both say how large images are made"),
        ('interpolation = "nearest"', "interpolation is 'nearest', expected one of bicubic"),
        ("mean = [0.5]", "mean has 1 entry, expected 3"),
    ],
)
def test_wrong_preprocessing(tmp_path: Path, asked: str, complaint: str) -> None:
    assert complaint in refused(tmp_path, LEAST.replace("[calibration]", f"{asked}\n[calibration]"))


def test_paths_are_relative_to_the_plan_and_urls_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, LEAST.replace('"train"', '"~/train"'))
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path.parent)
    plan = read_plan(Path(tmp_path.name, "plan.toml"))
    assert plan.checkpoints[0].path == f"{tmp_path}/weights/*.pth"
    assert plan.calibration.images == "/home/me/train"
    assert plan.evaluation.images == "s3://bucket/val-{000..099}.tar"


def test_a_folder_beside_the_plan_is_taken_before_a_public_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    plan = written(tmp_path, LEAST.replace('"train"', '"imagenette"'))
    (tmp_path.parent / "imagenette").mkdir()  # the working directory's own does not count
    assert read_plan(plan).calibration.images == "imagenette"
    (tmp_path / "imagenette").mkdir()
    assert read_plan(plan).calibration.images == f"{tmp_path}/imagenette"


def test_a_name_of_the_hub_is_decided_beside_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere/facebook/levit-128S").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    plan = written(tmp_path, LEAST.replace('"weights/*.pth"', '"facebook/levit-128S"'))
    assert read_plan(plan).checkpoints[0].path == "facebook/levit-128S"
    (tmp_path / "facebook/levit-128S").mkdir(parents=True)
    assert read_plan(plan).checkpoints[0].path == f"{tmp_path}/facebook/levit-128S"


def test_a_mistyped_set_is_told_which_there_are(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, LEAST.replace('"weights/*.pth"', '"a/b"').replace('"train"', '"imagenete"')))
    with pytest.raises(DataError, match=r"imagenete does not exist; expected .* by its name: imagenette, imagenetv2"):
        require_present(plan)


def test_preprocessing_is_that_of_a_bundle_beside_the_plan(tmp_path: Path) -> None:
    asked = 'preprocessing = "bundles/first"\nresize = 40\n[calibration]'
    plan = read_plan(written(tmp_path, LEAST.replace("[calibration]", asked)))
    assert plan.checkpoints[0].changes == PreprocessingChanges(bundle=f"{tmp_path}/bundles/first", resize=40)
    message = refused(tmp_path, LEAST.replace("[calibration]", asked.replace("bundles", "s3://bucket")))
    assert "checkpoints.preprocessing is 's3://bucket/first', expected a path of this machine." in message


def test_files_beside_images_are_relative_to_the_plan_too(tmp_path: Path) -> None:
    files = "".join(f'{key} = "{key}.txt"\n' for key in ("classes", "labels", "devkit", "only"))
    plan = read_plan(written(tmp_path, LEAST.replace('"train"', '"train"\nonly = "../imagenette"') + files))
    assert plan.calibration.only == f"{tmp_path}/../imagenette"
    evaluation = plan.evaluation
    assert (evaluation.classes, evaluation.labels) == (f"{tmp_path}/classes.txt", f"{tmp_path}/labels.txt")
    assert (evaluation.devkit, evaluation.only) == (f"{tmp_path}/devkit.txt", f"{tmp_path}/only.txt")


@pytest.mark.parametrize("key", ["classes", "labels", "devkit", "only"])
def test_files_beside_images_are_local(tmp_path: Path, key: str) -> None:
    message = refused(tmp_path, LEAST + f'{key} = "s3://bucket/x"\n')
    assert f"evaluation.{key} is 's3://bucket/x', expected a path of this machine." in message


def test_schemes_make_a_recipe_each(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, LEAST + '[recipes.a]\nschemes = ["static", "mixed"]\nseed = 3\n[recipes.b]\n'))
    assert plan.recipes == {
        "a-static": Recipe(scheme=Scheme.STATIC, seed=3),
        "a-mixed": Recipe(scheme=Scheme.MIXED, seed=3),
        "b": Recipe(),
    }


def test_a_recipe_comes_from_a_file_beside_the_plan_and_its_table_goes_first(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('scheme = "dynamic"\nseed = 3\nequalize = false\n')
    tables = '[recipes.a]\nfile = "mine.toml"\nseed = 4\n[recipes.b]\nfile = "mine.toml"\nschemes = ["static"]\n'
    assert read_plan(written(tmp_path, LEAST + tables)).recipes == {
        "a": Recipe(scheme=Scheme.DYNAMIC, seed=4, equalize=False),
        "b-static": Recipe(scheme=Scheme.STATIC, seed=3, equalize=False),
    }


def test_a_plan_survives_the_results_that_hold_it(tmp_path: Path) -> None:
    text = (
        LEAST
        + '[recipes.a]\nschemes = ["static"]\nfloat_layers = ["head"]\n[latency]\nruns = 7\n[winner]\nby = "latency"\n'
    )
    plan = read_plan(written(tmp_path, text))
    assert from_json(SweepPlan, to_json(plan), PlanError, "it") == plan


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[recipes.a]\nschema = 1", "recipes.a has unknown keys ['schema']"),
        ('[recipes.a]\nscheme = "int4"', "recipes.a.scheme is 'int4', expected one of static, dynamic, mixed"),
        ('[recipes.a]\nfile = "missing.toml"', "missing.toml' does not exist"),
        ("[recipes.a]\nfile = 1", "a recipe's file is 1, expected its name"),
        ('[recipes.a]\nfile = "~nobody-at-all/a"', "is not valid"),
        ("[recipes.a]\nschemes = []", "recipe a: expected either `scheme`, or `schemes` with at least one"),
        ('[recipes.a]\nschemes = ["static"]\nscheme = "mixed"', "recipe a: expected either"),
        ('[recipes.a]\nschemes = ["static", "static"]\n[recipes.a-static]', "there are two recipes a-static"),
        ('[recipes."../a"]', "a recipe is called '../a'"),
        ("[recipes.a]\ncalibration_images = 0", "calibration_images is 0, expected at least 1"),
        ("[gates]\nmax_drop_pt = nan", "gates.max_drop_pt is nan, expected -100 to 100"),
        ("[gates]\nmax_int8_bytes = 0", "gates.max_int8_bytes is 0, expected at least 1"),
        ('[gates]\non = "interval"', "gates.on is 'interval', which says how gates.max_drop_pt judges: give that too"),
        ('[gates]\nmax_drop_pt = 1.0\non = "spread"', "gates.on is 'spread', expected"),
        ("[gates]\nmax_latency_ms = 3.0", "gates.max_latency_ms needs a [latency] table"),
        ('[winner]\nby = "latency"', "winner.by latency needs a [latency] table"),
        ('[latency]\non = "qemu:cortex-a76"', "its times say nothing about any board"),
        ("[limits]\nmemory_mib = 1", "memory_mib is 1, expected at least 512"),
        ("[limits]\nretries = -1", "retries is -1, expected at least 0"),
        ("schema_version = 2", "unknown keys"),  # in the last table
        ("[recipes]", "recipes has 0 entries, expected 1 to 20000"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, more: str, said: str) -> None:
    message = refused(tmp_path, LEAST + more)
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks calibration, checkpoints, evaluation"),
        ("schema_version = 2\n" + LEAST, "schema_version is 2, expected 1: what this levit-edge reads"),
        (LEAST.replace('path = "weights/*.pth"', ""), "a checkpoint needs path, size or both"),
        (LEAST.replace('path = "weights/*.pth"', 'size = "512"'), "size is '512', expected one of 128S"),
        (LEAST.replace("[[checkpoints]]", "[checkpoints]"), "checkpoints is"),
        ("checkpoints = []\n" + LEAST.split("\n", 3)[3], "checkpoints has 0 entries, expected 1 to 20000"),
        ("= 1", "is not TOML"),
        (b"\xff", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml", Path("nul\0")):
        with pytest.raises(PlanError, match=r"cannot be read|is a folder|does not exist"):
            read_plan(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_document_makes_anything_but_a_plan_or_an_error(document: object) -> None:
    with pytest.raises(PlanError):
        from_json(
            SweepPlan, {"checkpoints": [document], "calibration": document, "evaluation": document}, PlanError, "it"
        )


def test_a_size_may_be_written_as_timm_does(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('[[checkpoints]]\nsize = "levit_128s"\n[calibration]\nimages = "a"\n[evaluation]\nimages = "b"\n')
    assert read_plan(path).checkpoints[0].size == "128S"

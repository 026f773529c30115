"""What a sweep is to do: the TOML document that `levit-edge sweep` reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from levit_edge.bundle.kinds import GateOn, Runtime
from levit_edge.bundle.reader import plain_file_name
from levit_edge.bundle.recipe import Recipe, read_recipe
from levit_edge.data.named_sets import NAMED_SETS
from levit_edge.data.options import PreprocessingChanges
from levit_edge.documents import Between, Length, Version, from_json, read_toml, to_json
from levit_edge.errors import LevitEdgeError, PlanError
from levit_edge.model.config import CONFIGS, size_named
from levit_edge.model.source import has_hub_form
from levit_edge.runtime.evaluation.gate import GateRules

__all__ = [
    "SHARD_IMAGES",
    "CheckpointSource",
    "Evaluation",
    "Gates",
    "Latency",
    "SweepPlan",
    "Winner",
    "WinnerBy",
    "read_plan",
]

SCHEMA_VERSION = 1
SHARD_IMAGES = 500
"""Half a minute of work for twelve files of a LeViT-128S: docs/scaling.md."""
MOST_ENTRIES = 20_000
AtLeastOne = Annotated[int, Between(1)]


class WinnerBy(StrEnum):
    """What makes a candidate the winner among those within the gates."""

    ACCURACY = "accuracy"
    """The least drop in top-1; of equal ones the highest SQNR."""
    LATENCY = "latency"
    """The least median; of equal ones the least drop."""
    SIZE = "size"
    """The fewest bytes; of equal ones the least drop."""


@dataclass(frozen=True, kw_only=True)
class CheckpointSource:
    """One or more trained networks."""

    path: str | None = None
    """A file, a Hugging Face folder, a pattern of such, their URL, or an id of the Hugging Face hub; None: the weights
    that belong to `size`.

    What is formed as an id is one: `read_plan` has made paths absolute."""
    size: str | None = None
    """The size that they have to be, one of `CONFIGS`; None takes any."""
    weights: str | None = None
    """Which of the networks of a file that holds several, such as `state_dict_ema`; None: as `quantize` takes it."""
    preprocessing: str | None = None
    """A bundle whose preprocessing is taken in place of the checkpoint's own."""
    resize: int | None = None
    """Length of the short side before the centre crop, pixels; None: the checkpoint's own, as for the next four."""
    crop: str | None = None
    """As in `PreprocessingChanges`."""
    interpolation: str | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None

    @property
    def changes(self) -> PreprocessingChanges:
        """What is otherwise than the checkpoint says."""
        return PreprocessingChanges(
            bundle=self.preprocessing,
            resize=self.resize,
            crop=self.crop,
            interpolation=self.interpolation,
            mean=self.mean,
            std=self.std,
        )

    def __post_init__(self) -> None:
        self.changes  # noqa: B018 - checks the values
        if self.path is None and self.size is None:
            raise PlanError("a checkpoint needs path, size or both")
        size = None if self.size is None else size_named(self.size)
        if self.size is not None and size is None:
            raise PlanError(f"size is {self.size!r}, expected one of {', '.join(CONFIGS)}")
        object.__setattr__(self, "size", size)  # as `CONFIGS` has it


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The images that ranges come from; how many of them is the recipe's."""

    images: str
    """A folder, tar shards, their URL, or a public set's name: see `levit_edge.sweep.inputs.sources`.

    What is one of `NAMED_SETS` is that set: `read_plan` has made paths absolute."""
    only: str | None = None
    """A list of the images to take."""
    skip_bad_images: bool = False


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The labelled images that accuracy is measured on."""

    images: str
    """As for calibration."""
    classes: str | None = None
    """A table of the networks' classes, which decides what a label stands for."""
    labels: str | None = None
    """A table of the images' classes."""
    devkit: str | None = None
    """The development kit of ILSVRC 2012."""
    only: str | None = None
    """A list of the images to take."""
    count: AtLeastOne | None = None
    """How many there have to be."""
    per_class: AtLeastOne | None = None
    """How many of each class there have to be."""
    shard_images: AtLeastOne = SHARD_IMAGES
    """Images of a folder that make one task; a tar file is one whatever it holds."""
    skip_bad_images: bool = False


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What a candidate has to keep, both of its int8 files."""

    max_drop_pt: Annotated[float, Between(-100, 100)] | None = None
    """Percentage points of top-1."""
    on: GateOn = GateOn.DROP
    """What that judges."""
    allow_poor_fp32: bool = False
    """Let that gate pass although fp32's own accuracy cannot be right."""
    max_int8_bytes: AtLeastOne | None = None
    max_latency_ms: Annotated[float, Between(1e-9, 1e9)] | None = None
    """Median of one image, one thread, where `[latency]` measures."""

    @property
    def rules(self) -> GateRules:
        """Those for accuracy."""
        return GateRules(max_drop_pt=self.max_drop_pt, on=self.on, allow_poor_fp32=self.allow_poor_fp32)

    def __post_init__(self) -> None:
        if self.max_drop_pt is None and self.on is not GateOn.DROP:
            raise PlanError(f"gates.on is {str(self.on)!r}, which says how gates.max_drop_pt judges: give that too")


@dataclass(frozen=True, kw_only=True)
class Winner:
    """How the best candidate of each checkpoint is chosen."""

    by: WinnerBy = WinnerBy.ACCURACY
    runtime: Runtime = Runtime.EXECUTORCH
    """Whose int8 file is compared."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Where the candidates' files are timed, one after the other, when all else is done."""

    on: str = "local"
    """As in `levit-edge bench --on`."""
    runs: AtLeastOne = 60

    def __post_init__(self) -> None:
        if self.on.startswith("qemu:"):
            raise PlanError(f"on is {self.on!r}, which is emulated: its times say nothing about any board")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a task may take before it is given up; those are tried again `retries` times, elsewhere if there is one."""

    retries: Annotated[int, Between(0)] = 2
    seconds: AtLeastOne = 3600
    memory_mib: Annotated[int, Between(512)] = 4096
    """The memory of a task that quantizes a network; one that reads images or a checkpoint has half of it."""

    @property
    def memory_bytes(self) -> int:
        """`memory_mib` in bytes."""
        return self.memory_mib << 20


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """A whole plan."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)] = SCHEMA_VERSION
    checkpoints: Annotated[tuple[CheckpointSource, ...], Length(1, MOST_ENTRIES)]
    calibration: Calibration
    evaluation: Evaluation
    recipes: Annotated[dict[str, Recipe], Length(1, MOST_ENTRIES)] = field(
        default_factory=lambda: {"default": Recipe()}
    )
    """Name -> recipe."""
    gates: Gates = Gates()
    winner: Winner = Winner()
    latency: Latency | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        for name in self.recipes:
            if not plain_file_name(name):
                raise PlanError(f"a recipe is called {name!r}, expected letters, digits, dot, dash and underscore")
        if self.latency is None and self.gates.max_latency_ms is not None:
            raise PlanError("gates.max_latency_ms needs a [latency] table")
        if self.latency is None and self.winner.by is WinnerBy.LATENCY:
            raise PlanError("winner.by latency needs a [latency] table")


def read_plan(path: Path) -> SweepPlan:
    """Read a plan; unknown, missing and wrongly typed keys are refused. Paths in it are relative to its folder.

    Raises:
        PlanError: it cannot be read, or is not a plan; the message names the key.
    """
    document, folder = read_toml(path, PlanError, "the plan"), path.absolute().parent
    try:
        if isinstance(document.get("recipes"), dict):
            whole = {name: _with_file(recipe, folder) for name, recipe in document["recipes"].items()}
            document["recipes"] = _one_for_each_scheme(whole)
        return _resolved(from_json(SweepPlan, document, PlanError, f"the plan {path}"), folder)
    except PlanError:
        raise
    except (LevitEdgeError, RuntimeError) as error:  # a recipe's values; another user's home folder
        raise PlanError(f"the plan {path} is not valid: {error}") from error


def _resolved(plan: SweepPlan, folder: Path) -> SweepPlan:
    """The plan with every location decided: an absolute path, a URL, an id of the hub, or the name of a public set.

    These are told apart by their form alone, wherever the plan is used: what lies in another folder is no matter.
    """

    def absolute(location: str, names: Callable[[str], bool]) -> str:
        """`names` tells what stands for something that is not on this machine."""
        path = folder / Path(location).expanduser()
        elsewhere = "://" in location or (names(location) and not path.exists())
        return location if elsewhere else str(path)

    def local(key: str, file: str | None) -> str | None:
        if file is not None and "://" in file:
            raise PlanError(f"{key} is {file!r}, expected a path of this machine.")
        return file and str(folder / Path(file).expanduser())

    calibration, evaluation = plan.calibration, plan.evaluation
    return replace(
        plan,
        checkpoints=tuple(
            replace(
                each,
                path=each.path and absolute(each.path, has_hub_form),
                preprocessing=local("checkpoints.preprocessing", each.preprocessing),
            )
            for each in plan.checkpoints
        ),
        calibration=replace(
            calibration,
            images=absolute(calibration.images, NAMED_SETS.__contains__),
            only=local("calibration.only", calibration.only),
        ),
        evaluation=replace(
            evaluation,
            images=absolute(evaluation.images, NAMED_SETS.__contains__),
            classes=local("evaluation.classes", evaluation.classes),
            labels=local("evaluation.labels", evaluation.labels),
            devkit=local("evaluation.devkit", evaluation.devkit),
            only=local("evaluation.only", evaluation.only),
        ),
    )


def _with_file(recipe: Any, folder: Path) -> Any:
    """`file = "my.toml"` in a recipe gives what its other keys do not."""
    if not isinstance(recipe, dict) or "file" not in recipe:
        return recipe
    own = dict(recipe)
    file = own.pop("file")
    if not isinstance(file, str):
        raise PlanError(f"a recipe's file is {file!r}, expected its name.")
    from_file = to_json(read_recipe(folder / Path(file).expanduser(), PlanError))
    if "schemes" in own:
        del from_file["scheme"]
    return from_file | own


def _one_for_each_scheme(recipes: Mapping[str, Any]) -> dict[str, Any]:
    """`schemes = ["static", "mixed"]` in a recipe NAME makes NAME-static and NAME-mixed of it."""
    expanded: dict[str, Any] = {}
    for name, recipe in recipes.items():
        built = {name: recipe}
        if isinstance(recipe, dict) and "schemes" in recipe:
            rest = dict(recipe)
            schemes = rest.pop("schemes")
            if "scheme" in rest or not isinstance(schemes, list) or not schemes:
                raise PlanError(f"recipe {name}: expected either `scheme`, or `schemes` with at least one.")
            built = {f"{name}-{scheme}": rest | {"scheme": scheme} for scheme in schemes}
        if twice := sorted(built.keys() & expanded.keys()):
            raise PlanError(f"there are two recipes {twice[0]}.")
        expanded |= built
    return expanded

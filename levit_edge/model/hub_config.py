"""Reads the config.json, Transformers' or timm's, of a model folder of the hub and checks it against the weights."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from levit_edge.documents import read_json
from levit_edge.errors import CheckpointError
from levit_edge.model.config import STEM_STRIDE, LevitConfig
from levit_edge.model.hub_preprocessing import ADVICE, StatedPreprocessing, stated_by_timm, stated_by_transformers
from levit_edge.model.shards import INDEX_SUFFIX
from levit_edge.model.timm_config import check_timm, refuse_other_networks
from levit_edge.text import counted

__all__ = ["FOLDER_FILES", "HubConfig", "clean_labels", "read_hub_config"]

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""In order of preference: safetensors cannot hold code."""
PROCESSOR_FILE = "preprocessor_config.json"
"""Transformers' preprocessing."""
INDEX_FILES = tuple(f"{name}{INDEX_SUFFIX}" for name in WEIGHT_FILES)
"""Where the weights are split into several files; read where there is none of `WEIGHT_FILES`."""
FOLDER_FILES = ("config.json", PROCESSOR_FILE, *WEIGHT_FILES, *INDEX_FILES)
"""All that is read of a model folder, but for the files that an index names."""
WITH_TEACHER = "LevitForImageClassificationWithTeacher"
TIMM_WRAPPER = "timm_wrapper"
"""Transformers' `model_type` of a network of timm."""
TIMM_PROCESSOR = "TimmWrapperImageProcessor"
"""What Transformers' Trainer saves beside it."""
WITHOUT_TEACHER = "LevitForImageClassification"
PLACEHOLDER_LABEL = re.compile(r"LABEL_\d+")
"""Transformers' label names where the model has none."""
LONGEST_INDEX = 5
"""Digits of a class's number."""


@dataclass(frozen=True, kw_only=True)
class HubConfig:
    """A model folder's config.json and its weights file."""

    weights: Path
    content: dict[str, Any]

    @property
    def _pretrained(self) -> dict[str, Any] | None:
        """Timm's `pretrained_cfg`, which its older files have at the top level; None in a folder of Transformers."""
        if "architecture" not in self.content:
            return None
        pretrained = self.content.get("pretrained_cfg")
        return pretrained if isinstance(pretrained, dict) else self.content

    def preprocessing(self, image_size: int) -> StatedPreprocessing | None:
        """What the folder says of it, for weights of that input size; None if it says nothing.

        Raises:
            CheckpointError: it says what levit-edge does not do, or its files say different things.
        """
        by_timm, by_transformers = self._by_timm(image_size), self._by_transformers(image_size)
        if by_timm and by_transformers and replace(by_timm, origin=by_transformers.origin) != by_transformers:
            raise CheckpointError(f"{by_timm} and {by_transformers} contradict each other. {ADVICE}")
        return by_timm or by_transformers

    def _by_timm(self, image_size: int) -> StatedPreprocessing | None:
        pretrained = self._pretrained
        if pretrained is None:
            return None
        place = "config.json" if pretrained is self.content else "pretrained_cfg in config.json"
        return stated_by_timm(pretrained, image_size, place)

    def _by_transformers(self, image_size: int) -> StatedPreprocessing | None:
        file = self.weights.parent / PROCESSOR_FILE
        if not file.exists():
            return None
        processor = read_json(file, CheckpointError, "the file")
        if not isinstance(processor, dict):
            raise CheckpointError(f"{PROCESSOR_FILE} holds no JSON object.")
        if processor.get("image_processor_type") == TIMM_PROCESSOR:  # what it keeps of `pretrained_cfg`
            data = processor.get("data_config")
            return stated_by_timm(
                data if isinstance(data, dict) else {}, image_size, f"data_config in {PROCESSOR_FILE}"
            )
        return stated_by_transformers(processor, image_size, PROCESSOR_FILE)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Class names in the order of the outputs, if the folder names them."""
        if self._pretrained is not None:
            names = self.content.get("label_names") or self._pretrained.get("label_names")
            if names is not None:
                return self._with_gaps_named(names) if isinstance(names, dict) else clean_labels(names)
        names = self.content.get("id2label")
        return None if names is None else _labels_by_index(names)

    def _with_gaps_named(self, names: dict[str, object]) -> tuple[str, ...] | None:
        """The table from index to name as timm writes it, which may leave indices out."""
        if not all(index.isdecimal() and len(index) <= LONGEST_INDEX for index in names):
            raise CheckpointError("label_names in config.json is not a table from class numbers to names.")
        by_index, classes = {int(index): name for index, name in names.items()}, self.content.get("num_classes")
        stated = classes if isinstance(classes, int) and classes < 10**LONGEST_INDEX else 0
        count = max(stated, max(by_index, default=-1) + 1)
        return clean_labels([by_index.get(index, f"class {index}") for index in range(count)])

    def check(self, config: LevitConfig) -> None:
        """Raise a CheckpointError where config.json contradicts what the weights were recognised as."""
        for field, value in _expected(config).items():
            found = self.content.get(field)
            if found is not None and found != value:
                raise CheckpointError(
                    f"config.json says {field} = {json.dumps(found)[:200]}, but the weights are those of a "
                    f"LeViT-{config.name} with {json.dumps(value)}. Pass a folder whose two files belong together."
                )
        check_timm(self.content, config)
        self._check_heads(config)

    def _check_heads(self, config: LevitConfig) -> None:
        stated = self.content.get("architectures")
        architectures = stated if isinstance(stated, list) else []
        if WITH_TEACHER in architectures and not config.distilled:
            raise CheckpointError(f"config.json says {WITH_TEACHER}, but the weights lack classifier_distill.*.")
        if WITHOUT_TEACHER in architectures and config.distilled:
            raise CheckpointError(
                f"config.json says {WITHOUT_TEACHER}, but the weights have classifier_distill.*, whose outputs that "
                f"model leaves out. Say {WITH_TEACHER} in config.json, or remove these tensors."
            )


def _expected(config: LevitConfig) -> dict[str, object]:
    """What Transformers' LevitConfig says of such a LeViT; all published sizes share most of it."""
    key_dim, (first, second) = config.key_dim, config.shrinking_heads
    shrink = 2 * config.attention_ratio
    return {
        "hidden_sizes": list(config.widths),
        "num_attention_heads": list(config.heads),
        "depths": list(config.depths),
        "key_dim": [key_dim] * 3,
        "image_size": config.image_size,
        "num_channels": 3,
        "kernel_size": 3,
        "stride": 2,
        "padding": 1,
        "patch_size": STEM_STRIDE,
        "mlp_ratio": [config.mlp_ratio] * 3,
        "attention_ratio": [config.attention_ratio] * 3,
        "down_ops": [["Subsample", key_dim, first, shrink, 2, 2], ["Subsample", key_dim, second, shrink, 2, 2], [""]],
        "num_labels": config.classes,
        "num_classes": config.classes,  # timm's
    }


def clean_labels(names: object) -> tuple[str, ...] | None:
    """Class names as single printable lines; None if they are only Transformers' placeholders.

    Raises:
        CheckpointError: `names` is not a list of strings.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CheckpointError("The class names beside the weights are not a list of strings.")
    if all(PLACEHOLDER_LABEL.fullmatch(name) for name in names):
        return None
    printable = ("".join(letter if letter.isprintable() else " " for letter in name) for name in names)
    return tuple(" ".join(name.split()) for name in printable)


def _labels_by_index(names: object) -> tuple[str, ...] | None:
    if not isinstance(names, dict):
        raise CheckpointError("id2label in config.json is not an object.")
    missing = [index for index in range(len(names)) if str(index) not in names]
    if missing:
        raise CheckpointError(
            f"id2label in config.json has {counted(len(names), 'name')}, but none for class {missing[0]}."
        )
    return clean_labels([names[str(index)] for index in range(len(names))])


def _no_config(folder: Path) -> str:
    files = (*WEIGHT_FILES, *INDEX_FILES)
    weights = next((name for name in files if (folder / name).is_file()), None)
    if weights is None:
        return "The folder has neither a config.json nor weights. Pass a weights file, or a Hugging Face folder."
    lost = f"; what {PROCESSOR_FILE} says is not read then" if (folder / PROCESSOR_FILE).is_file() else ""
    return (
        f"The folder has no config.json, which says what its weights are. Add it, or pass {folder / weights} and say"
        f" how photographs are prepared (--resize, --crop, --interpolation, --mean, --std){lost}."
    )


def read_hub_config(folder: Path) -> HubConfig:
    """Read a model folder's config.json and find its weights.

    Raises:
        CheckpointError: either is missing or unreadable, or config.json is another model's.
    """
    if not (folder / "config.json").exists():
        if (folder / "manifest.json").exists():
            raise CheckpointError(
                "The folder is a bundle, whose files are finished. Pass the checkpoint that it was made of, and the"
                " bundle as --preprocessing to prepare images as for it."
            )
        raise CheckpointError(_no_config(folder))
    content = read_json(folder / "config.json", CheckpointError, "the file")
    if not isinstance(content, dict):
        raise CheckpointError("config.json holds no JSON object: it is not a model's.")
    stated = content.get("model_type", TIMM_WRAPPER)
    family = content.get("architecture") if stated == TIMM_WRAPPER else stated
    if family is None:
        raise CheckpointError(
            'config.json names no architecture: expected timm\'s, with "architecture": "levit_128s" for example, or '
            'Transformers\', with "model_type": "levit". Or pass the weights file itself: its shapes tell the size.'
        )
    family = str(family)
    if not family.startswith("levit"):
        raise CheckpointError(f"config.json is that of another architecture, {family[:100]!r}; expected a LeViT's.")
    refuse_other_networks(content)
    weights = next((folder / name for name in (*WEIGHT_FILES, *INDEX_FILES) if (folder / name).is_file()), None)
    if weights is None:
        raise CheckpointError(f"The folder has a config.json but no weights: expected {' or '.join(WEIGHT_FILES)}.")
    return HubConfig(weights=weights, content=content)

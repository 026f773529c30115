"""`levit-edge inspect`: say what a checkpoint, a bundle, a package or a model file is."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from levit_edge.bundle.place import HUB_PREFIX
from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.options import JsonOutput, Weights, is_package_place, is_page_name
from levit_edge.cli.terminal.console import print_json, say
from levit_edge.errors import BundleError, RuntimeUnavailableError
from levit_edge.model.source import require_checkpoint
from levit_edge.text import listed

if TYPE_CHECKING:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.model.checkpoint import Checkpoint
    from levit_edge.runtime.inspect.model import ModelInspector

__all__ = ["inspect"]

MAX_MODEL_BYTES = 2 * 2**30


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH|ID",
            help="A checkpoint (a file, a folder or a Hugging Face model id), a bundle (also hf:owner/name), a package,"
            " a .pte file or an .onnx file.",
        ),
    ],
    weights: Weights = None,
    json: JsonOutput = False,
) -> None:
    """Say what a checkpoint, a bundle, a package or a model file is."""
    if str(path).startswith(HUB_PREFIX):
        path = bundle_at_hand(path)
    facts = describe(path, weights)
    if json:
        from levit_edge.bundle.from_hub import name_of

        print_json({"schema_version": 1, "path": name_of(path)} | facts)
    else:
        names = facts.get("class_names")
        _print_facts(facts | {"class_names": listed(names)} if names else facts)


def describe(path: Path, weights: str | None = None) -> dict[str, Any]:
    """The facts of whatever is at `path`, by its content; a model file is told by its ending.

    What is not there is taken for a model of the hub; `weights` chooses among the networks of a checkpoint that holds
    several.

    Raises:
        LevitEdgeError: there is nothing, or nothing known.
        typer.BadParameter: `weights` are asked of what is no checkpoint.
    """
    require_checkpoint(str(path), "a checkpoint, a bundle, a package, a .pte file, an .onnx file")
    if _is_package(path):
        return _describe_package(path)
    from levit_edge.bundle.kinds import Runtime
    from levit_edge.bundle.place import MANIFEST_FILE
    from levit_edge.runtime.inspect.model import ModelInspector

    is_bundle, is_model_file = (path / MANIFEST_FILE).is_file(), Runtime.of_file(path.name) and path.is_file()
    if weights is not None and (is_bundle or is_model_file):
        raise typer.BadParameter(f"goes with a checkpoint, and {path} is none.", param_hint="--weights")
    if is_bundle:
        return _describe_bundle(path)
    if is_model_file:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise BundleError(f"{path} is larger than 2 GiB, expected a model file.")
        with ModelInspector() as inspector:
            return inspector.inspect(path.name, path.read_bytes())
    return _describe_checkpoint(path, weights)


def _is_package(path: Path) -> bool:
    """Whether it is a page, the folder of one, or a zip file by its name, and not one by torch."""
    if not is_package_place(path) or not (path.is_dir() or path.is_file()):
        return False
    if path.is_dir() or is_page_name(path):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return not any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile, NotImplementedError):  # which the package's reader says better
        return True


def _describe_package(path: Path) -> dict[str, Any]:
    """What its `model.json` says; that every file has its SHA-256 is checked, and nothing is run."""
    from levit_edge.documents import to_json
    from levit_edge.package.package import Package

    package = Package.read(path)
    document = to_json(package.document)
    of_models = ("file", "runtime", "precision", "made_with", "accuracy")
    return {
        "kind": "package",
        "purpose": document["purpose"],
        "size": document["name"],
        "classes": document["classes"],
        "class_names": list(package.labels()),
        "levit_edge_version": document["levit_edge_version"],
        "checkpoint": document["checkpoint"],
        "preprocessing": document["input"],
        "calibration": document["calibration"],
        "models": [
            {key: model[key] for key in of_models} | {"size_bytes": document["files"][model["file"]]["size_bytes"]}
            for model in document["models"]
        ],
        "verification": {key: document["evaluation"][key] for key in ("samples", "gate")},
        "files": f"{len(package.files) + 1}, each with its SHA-256; levit-edge verify checks what they compute",
    }


def _describe_bundle(path: Path) -> dict[str, Any]:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.documents import to_json
    from levit_edge.runtime.inspect.model import ModelInspector

    bundle = Bundle.open(path)
    manifest = to_json(bundle.manifest)
    kept = (
        "levit_edge_version",
        "created_utc",
        "checkpoint",
        "preprocessing",
        "preprocessing_origin",
        "warnings",
        "recipe",
        "tools",
    )
    with ModelInspector() as inspector:
        artifacts = [_describe_artifact(artifact.file, bundle, inspector) for artifact in bundle.manifest.artifacts]
    verification = manifest["verification"]
    measured = ("artifact", "top1", "top5", "drop_pt", "drop_ci95_pt", "agreement", "sqnr_db")
    return {
        "kind": "bundle",
        "size": manifest["config"]["name"],
        "classes": manifest["config"]["classes"],
        "class_names": list(bundle.labels()),
        **{key: manifest[key] for key in kept},
        "calibration": {key: manifest["calibration"][key] for key in ("source", "count", "sha256")},
        "artifacts": artifacts,
        "verification": {
            "samples": verification["samples"],
            "classes": verification["classes"],
            "poor_fp32": verification["poor_fp32"],
            "gate": verification["gate"],
            "results": [{key: result[key] for key in measured} for result in verification["results"]],
        },
    }


def _describe_artifact(file: str, bundle: "Bundle", inspector: "ModelInspector") -> dict[str, Any]:
    """The facts of one file of a bundle, or why they cannot be had on this machine."""
    try:
        return inspector.inspect(file, bundle.read(file))
    except RuntimeUnavailableError as error:
        return {"file": file, "not_inspected": str(error)}


def _describe_checkpoint(path: Path, weights: str | None) -> dict[str, Any]:
    from levit_edge.model.checkpoint import read_checkpoint
    from levit_edge.model.download import resolve_checkpoint
    from levit_edge.model.macs import multiply_adds

    checkpoint = read_checkpoint(resolve_checkpoint(str(path), None), weights=weights)
    config = checkpoint.config
    return {
        "kind": "checkpoint",
        "format": str(checkpoint.format),
        "size": config.name,
        "classes": config.classes,
        "distillation_head": config.distilled,
        "image_size": config.image_size,
        "preprocessing": _describe_preprocessing(checkpoint),
        "parameters": sum(parameter.numel() for parameter in checkpoint.model.parameters()),
        "gmacs": round(multiply_adds(config) / 1e9, 4),
        "sha256": checkpoint.sha256,
        "entry": checkpoint.entry,
        "other_entries": list(checkpoint.other_entries),
        "class_names": None if checkpoint.labels is None else list(checkpoint.labels),
        "notes": list(checkpoint.notes),
    }


def _describe_preprocessing(checkpoint: "Checkpoint") -> dict[str, Any]:
    """Whose word it is, and what; or why it cannot be had."""
    config, origin = checkpoint.config, checkpoint.preprocessing_origin
    if origin.fault is not None:
        return {"not_supported": origin.fault}
    stated = {name: getattr(config, name) for name in ("resize", "interpolation", "mean", "std")}
    crop = "squash" if config.squash else "center"
    return {"from": origin.text, "crop": crop} | {
        name: list(value) if isinstance(value, tuple) else value for name, value in stated.items()
    }


def _print_facts(facts: dict[str, Any], indent: int = 0) -> None:
    for key, value in facts.items():
        name = " " * indent + key.replace("_", " ")
        if isinstance(value, dict) and value:
            say(name)
            _print_facts(value, indent + 2)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            say(name)
            for item in value:
                _print_facts(item, indent + 2)
                say("")
        else:
            say(f"{name}: {_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value in ({}, None) else str(value)

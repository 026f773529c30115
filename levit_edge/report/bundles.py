"""Bundles beside each other: what differs in how they were made, and which of their figures may be compared."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levit_edge.benchmark.measurement import Device, Measurement
from levit_edge.bundle.manifest import ImageProvenance, Manifest
from levit_edge.bundle.passed_on import without_folders
from levit_edge.bundle.reader import Bundle
from levit_edge.data.image_tables import NO_TABLES
from levit_edge.documents import to_json
from levit_edge.report.report_data import ReportData, read_report_data
from levit_edge.text import text

__all__ = ["BundleComparison", "Difference", "Opened", "brief", "compare", "open_all"]

LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A bundle under the name that tells it from the others."""

    name: str
    manifest: Manifest
    """Without folders of its maker's machine, see `without_folders`."""
    report_data: ReportData | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that is not the same in all bundles."""

    what: str
    """Such as `recipe: weight rounding`."""
    values: tuple[str, ...]
    """In the order of the bundles."""


@dataclass(frozen=True, kw_only=True)
class BundleComparison:
    """What can be said about several bundles together."""

    bundles: tuple[Opened, ...]
    warnings: tuple[str, ...]
    """What must not be compared, and why."""
    identical: tuple[str, ...]
    """Which bundles hold the same model files."""
    differences: tuple[Difference, ...]
    timed: tuple[tuple[str, Measurement], ...]
    """Names and latencies that may be compared: all were taken on computers that look the same."""


def open_all(bundles: Sequence[Bundle]) -> tuple[Opened, ...]:
    """The bundles with names of their own: the folder's, and where that is not enough its parent's too, or a number.

    Raises:
        BundleError: the evidence of one is damaged.
    """
    return tuple(
        Opened(name=name, manifest=without_folders(bundle.manifest), report_data=read_report_data(bundle))
        for name, bundle in zip(_names([bundle.path.resolve() for bundle in bundles]), bundles, strict=True)
    )


def _names(paths: Sequence[Path]) -> Iterator[str]:
    """What each bundle is called; no path, as pages are passed on."""
    folders = [text(path.name, LONGEST_NAME) or "bundle" for path in paths]
    longer = [
        text(f"{path.parent.name}/{folder}", LONGEST_NAME) if folders.count(folder) > 1 else folder
        for path, folder in zip(paths, folders, strict=True)
    ]
    for place, name in enumerate(longer):
        before = longer[:place].count(name)
        yield f"{name} ({before + 1})" if before else name


def compare(opened: Sequence[Opened]) -> BundleComparison:
    """Compare bundles, the first with each of the others."""
    warnings = list(_warnings(opened))
    timed = [(each.name, each.report_data.latency) for each in opened if each.report_data and each.report_data.latency]
    if len({_look(latency.device) for _, latency in timed}) > 1:
        warnings.append("The bundles were timed on computers that differ: their latencies are not put side by side.")
        timed.clear()
    return BundleComparison(
        bundles=tuple(opened),
        warnings=tuple(warnings),
        identical=tuple(_identical(opened)),
        differences=tuple(_differences([each.manifest for each in opened])),
        timed=tuple(timed) if len(timed) > 1 else (),
    )


def _warnings(opened: Sequence[Opened]) -> Iterator[str]:
    first, *others = opened
    for other in others:
        ours, theirs = first.manifest.verification.images, other.manifest.verification.images
        if (ours.sha256, ours.count) != (theirs.sha256, theirs.count):
            yield (
                f"{first.name} and {other.name} were evaluated on different images ({_named(ours)}; {_named(theirs)}):"
                " their accuracies cannot be compared. Run `levit-edge verify` on both with one folder."
            )
        if first.manifest.checkpoint.sha256 != other.manifest.checkpoint.sha256:
            yield f"{first.name} and {other.name} were made from different checkpoints: their fp32 files differ too."


def _identical(opened: Sequence[Opened]) -> Iterator[str]:
    """Which bundles have the same model files, byte for byte, as their digests say."""
    alike: dict[Hashable, list[str]] = {}
    for each in opened:
        alike.setdefault(frozenset((file.file, file.sha256) for file in each.manifest.artifacts), []).append(each.name)
    for names in alike.values():
        if len(names) > 1:
            yield (
                f"{' and '.join(names)} are identical: every model file has the same SHA-256. Where their figures"
                " differ, it is the images, the versions or the machine that they were measured with."
            )


def _named(images: ImageProvenance) -> str:
    return f"{images.count} of {text(images.source, LONGEST_NAME)}"


def _look(device: Device) -> Hashable:
    """What tells computers apart, as nothing in a bundle names them."""
    return device.model, device.architecture, device.cores, device.usable_cores, device.memory_bytes


def _differences(manifests: Sequence[Manifest]) -> Iterator[Difference]:
    facts = [dict(_facts(manifest)) for manifest in manifests]
    for what in dict.fromkeys(what for each in facts for what in each):
        values = tuple(each.get(what, "–") for each in facts)
        if len(set(values)) > 1:
            yield Difference(what=what, values=values)


def _facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What may differ between bundles that belong together."""
    parts: dict[str, Any] = {
        "model": {key: value for key, value in to_json(manifest.config).items() if key != "weights"},
        "checkpoint": to_json(manifest.checkpoint),
        "recipe": {key: value for key, value in to_json(manifest.recipe).items() if key != "schema_version"},
        "preprocessing": to_json(manifest.preprocessing),
        "calibration": _images(manifest.calibration),
        "evaluation": _images(manifest.verification.images),
        "classes": to_json(manifest.verification.classes) or {},
        "gate": {key: value for key, value in to_json(manifest.verification.gate).items() if key != "passed"},
        "version of": {"levit-edge": manifest.levit_edge_version, **manifest.tools},
        "made on": manifest.host,
    }
    for part, values in parts.items():
        for key, value in values.items():
            if value is not None:
                yield f"{part}: {key.replace('_', ' ')}", brief(key, value)


def _images(images: ImageProvenance) -> dict[str, Any]:
    tables = (images.tables or NO_TABLES).named()
    said = {f"--{name}": f"{file.path} {(file.sha256 or '')[:16]}".strip() for name, file in tables.items()}
    return {"source": images.source, "count": images.count, "sha256": images.sha256, **said}


def brief(key: str, value: object) -> str:
    """A value of a JSON document in words."""
    if key == "sha256":
        return f"{str(value)[:16]}…"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
